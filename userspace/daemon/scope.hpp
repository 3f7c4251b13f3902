// SPDX-License-Identifier: Apache-2.0
// A cgroup of its own for a session that `holdpoint run` starts: a scope of systemd's where there is one, else a directory.
#pragma once

#include <string>

#include "base/result.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {

// Path of the new cgroup. Through systemd `pid` is in it already; otherwise it is empty.
[[nodiscard]] Result<std::string> make_scope(Core& core, const std::string& agent, int pid);
// The cgroup of a systemd unit ("nginx.service").
[[nodiscard]] Result<std::string> unit_cgroup(const std::string& unit);

}  // namespace holdpoint::daemon
