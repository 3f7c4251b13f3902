// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/decide.hpp"

namespace holdpoint::cli {

Exit run_deny(const Context& context) {
  const auto reason = context.arguments.value("reason");
  if (!reason || reason->empty()) {
    return fail({Exit::usage, "a denial needs a reason",
                 "holdpoint deny " + context.arguments.positional.front() + " --reason \"why\""});
  }
  return decide(context, {{"decision", "deny"}, {"reason", *reason}});
}

}  // namespace holdpoint::cli
