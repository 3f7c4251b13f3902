// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

Exit run_disarm(const Context& context) {
  const auto lifetime = context.arguments.value("for");
  const auto reason = context.arguments.value("reason");
  if (!lifetime)
    return fail({Exit::usage, "--for TIME is missing", "for how long, such as 15m; at most 24h"});
  if (!reason) return fail({Exit::usage, "--reason TEXT is missing", "it goes to the log and to the status"});
  const auto made = context.client.post("/v1/disarm", {{"for", *lifetime}, {"reason", *reason}});
  if (!made) return fail(made.error());
  if (context.json()) {
    print_json(*made);
    return Exit::ok;
  }
  const auto until = api::parse_rfc3339(field(*made, "until")).value_or(WallTime{});
  print(fmt::format(
      "{} What the rules deny or ask about passes, and is logged. "
      "`holdpoint arm` ends it now.\n",
      context.terminal.paint(
          Colour::red, "The rules are DISARMED until " + time_of_day(until, context.now(), true) + ".")));
  return Exit::ok;
}

}  // namespace holdpoint::cli
