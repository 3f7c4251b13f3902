// SPDX-License-Identifier: Apache-2.0
// What was approved is what is read: content is hashed when the question is asked, once more when it is answered, and handed
// to the kernel before the release. Thread: the daemon's loop.
#pragma once

#include <optional>
#include <string>

#include "approval/ledger.hpp"
#include "daemon/core.hpp"
#include "event/access.hpp"

namespace holdpoint::daemon {

// The question about a held access, with the content that its program would read now.
[[nodiscard]] approval::NewHold ask_about(Core& core, const event::Access& access);

// Before an approval of `request`: whether its holds would still read what was shown. If not they are asked about again, and
// the error says so.
[[nodiscard]] std::expected<void, approval::DecideError> content_as_shown(Core& core,
                                                                          const std::string& request);

// Hands over what the exec of `hold` may read. Error: the kernel has no room; the hold must not be released.
[[nodiscard]] Result<> bind_content(Core& core, std::uint64_t hold);

}  // namespace holdpoint::daemon
