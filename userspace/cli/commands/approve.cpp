// SPDX-License-Identifier: Apache-2.0
#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/decide.hpp"

namespace holdpoint::cli {

Exit run_approve(const Context& context) {
  const auto lifetime = context.arguments.value("for");
  const std::string scope = context.arguments.value("scope").value_or(lifetime ? "duration" : "once");
  if (scope != "once" && scope != "session" && scope != "duration") {
    return fail({Exit::usage, "--scope " + scope + " is none of once, session, duration", ""});
  }
  if (lifetime.has_value() != (scope == "duration")) {
    return fail({Exit::usage, "--for TIME and --scope duration belong together", "such as: --for 30m"});
  }
  nlohmann::json decision{{"decision", "approve"}, {"scope", scope}};
  if (lifetime) {
    const auto parsed = api::parse_duration(*lifetime);
    if (!parsed || parsed->count() == 0)
      return fail({Exit::usage, "--for " + *lifetime + " is not a duration", "such as 30m or 8h"});
    decision["lifetime"] = *lifetime;
  }
  if (const auto reason = context.arguments.value("reason")) decision["reason"] = *reason;
  return decide(context, std::move(decision));
}

}  // namespace holdpoint::cli
