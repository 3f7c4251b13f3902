// SPDX-License-Identifier: Apache-2.0
// What was approved is what is read: content is hashed when the question is asked, once more when it is answered, and handed
// to the kernel before the release. Thread: the daemon's loop; files are read by the workers, since an agent's file system may
// never answer.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "approval/ledger.hpp"
#include "daemon/core.hpp"
#include "event/access.hpp"

namespace holdpoint::daemon {

// An exec: what it was approved with is looked at and bound, also when that was no file.
[[nodiscard]] bool reads_content(const approval::Request& request);

// The question about a held access, with the content that its program would read now. For an exec `then` is called later, when
// its files have been read or that has taken too long; the hold is in core.being_read until `then` takes it out. Never called
// when the hold is over by then.
void ask_about(Core& core, const event::Access& access, std::function<void(approval::NewHold)> then);

// For an approval: whether read_content has just been done for `request`, or is not needed; and it, which calls back later.
[[nodiscard]] bool content_known(const Core& core, const std::string& request);
void read_content(Core& core, const std::string& request, std::function<void()> done);

// Before an approval of `request`, after read_content: whether its holds would still read what was shown. If not they are asked about again, and
// the error says so.
[[nodiscard]] std::expected<void, approval::DecideError> content_as_shown(Core& core,
                                                                          const std::string& request);

// Hands over what the exec of `hold` may read. On an error the hold must not be released.
struct BindError {
  enum class Kind {
    not_read,  // not yet: its files are read after a restart, and then it is answered again
    no_room,   // the kernel does not take it
  } kind;
  Error error;
};
[[nodiscard]] std::expected<void, BindError> bind_content(Core& core, std::uint64_t hold);

}  // namespace holdpoint::daemon
