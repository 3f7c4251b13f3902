// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/observed_report.hpp"
#include "cli/page.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

std::string heading(const nlohmann::json& health, bool well, const Terminal& terminal, WallTime now) {
  const auto& disarmed = child(health, "disarmed");
  if (disarmed.is_object() && !disarmed.empty()) {
    const auto until = api::parse_rfc3339(field(disarmed, "until")).value_or(WallTime{});
    return terminal.paint(Colour::red, "Holdpoint is DISARMED until " + time_of_day(until, now, true) +
                                           ": agents do what the rules deny or ask about.");
  }
  if (well) return terminal.paint(Colour::green, "Holdpoint is enforcing and well.");
  if (health.value("enforcing", false))
    return terminal.paint(Colour::yellow, "Holdpoint is enforcing, but not all is well.");
  return terminal.paint(Colour::red, "Holdpoint is NOT enforcing as it should: do not rely on it.");
}

void add_lockdowns(Page& page, const nlohmann::json& health, WallTime now) {
  for (const auto& lockdown : child(health, "lockdowns")) {
    const auto agent = field(lockdown, "agent");
    const auto session = field(lockdown, "session");
    const auto since = api::parse_rfc3339(field(lockdown, "since")).value_or(WallTime{});
    const auto whom = !agent.empty()     ? "agent " + agent
                      : !session.empty() ? "session " + session
                                         : std::string("every agent");
    const auto reason = field(lockdown, "reason");
    page.add("Lockdown",
             printable(fmt::format("{}, {}, by {}{}", whom, relative(since, now),
                                   person(child(lockdown, "by")), reason.empty() ? "" : ": " + reason)),
             Colour::red);
  }
}

std::string draw(const nlohmann::json& health, WallTime now, const Terminal& terminal, bool well) {
  Page page(terminal);
  const WallTime started = api::parse_rfc3339(field(health, "started")).value_or(WallTime{});
  page.heading(heading(health, well, terminal, now));
  add_lockdowns(page, health, now);
  for (const auto& problem : child(health, "problems")) {
    if (problem.is_string()) page.add("Problem", printable(problem.get<std::string>()), Colour::red);
  }
  page.add("Daemon",
           fmt::format("{}, started {}", printable(field(health, "version")), relative(started, now)));
  page.add("Kernel", printable(field(health, "kernel")));
  const auto& policy = child(health, "policy");
  page.add("Policy", "generation " + field(policy, "generation"));
  page.add("", printable(field(policy, "digest")), Colour::dim);
  auto observed = joined(child(health, "observed"));
  if (!observed.empty())
    observed +=
        std::string(
            ": what their rules would hold or deny goes on, but for rules with a mode of their own. ") +
        kStillRefused;
  page.add("Observed", observed, Colour::yellow);
  bool first = true;
  for (const auto& [name, value] : child(health, "counters").items()) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0) continue;
    page.add(first ? "Counters" : "", fmt::format("{:>9}  {}", value.get<std::uint64_t>(), printable(name)));
    first = false;
  }
  return page.text();
}

}  // namespace

Exit run_status(const Context& context) {
  const auto health = context.client.get("/v1/health");
  if (!health) return fail(health.error());
  const bool well = health->value("enforcing", false) && child(*health, "problems").empty();
  if (context.json()) {
    print_json(*health);
  } else {
    print(draw(*health, context.now(), context.terminal, well));
  }
  return well ? Exit::ok : Exit::refused;
}

}  // namespace holdpoint::cli
