// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a unix socket, as the kernel noted it when they connected. Nothing in a request counts.
#pragma once

#include <sys/types.h>

#include <optional>

#include "api/service.hpp"
#include "base/result.hpp"

namespace holdpoint::api {

// pid, uid and gid from SO_PEERCRED, supplementary groups from SO_PEERGROUPS: the groups the process really had, not those
// that the user database would give it. may_decide: uid 0, or `group` among them. Error: the kernel does not say.
[[nodiscard]] Result<Caller> identify_peer(int socket, std::optional<gid_t> group);

}  // namespace holdpoint::api
