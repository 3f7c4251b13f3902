// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.hpp"
#include "cli/page.hpp"
#include "cli/text.hpp"
#include "doctor/examine.hpp"

namespace holdpoint::cli {
namespace {

using doctor::Ability;
using doctor::Finding;
using doctor::Kind;

Finding examine_daemon(const Client& client) {
  const auto health = client.get("/v1/health");
  if (!health) return {Kind::unknown, "Daemon", health.error().message, health.error().hint};
  const auto& problems = child(*health, "problems");
  if (health->value("enforcing", false) && problems.empty())
    return {Kind::good, "Daemon", "enforcing and well, " + field(*health, "version"), ""};
  if (const auto& disarmed = child(*health, "disarmed"); disarmed.is_object() && !disarmed.empty())
    return {Kind::missing, "Daemon", "it is DISARMED until " + field(disarmed, "until"),
            "holdpoint arm ends that; holdpoint status says who did it and why"};
  return {Kind::missing, "Daemon", "it answers, and not all is well", "holdpoint status"};
}

Colour colour_of(Kind kind) {
  switch (kind) {
    case Kind::good: return Colour::green;
    case Kind::missing: return Colour::red;
    case Kind::door:
    case Kind::unknown: return Colour::yellow;
  }
  return Colour::plain;
}

std::string_view sign_of(Kind kind) {
  switch (kind) {
    case Kind::good: return "✔";
    case Kind::missing: return "✘";
    case Kind::door: return "!";
    case Kind::unknown: return "?";
  }
  return "?";
}

void add(Page& page, const Finding& finding) {
  page.add(finding.subject, fmt::format("{} {}", sign_of(finding.kind), printable(finding.text)),
           finding.kind == Kind::good ? Colour::plain : colour_of(finding.kind));
  if (!finding.advice.empty()) page.add("", printable(finding.advice), Colour::dim, 2);
}

std::string outcome(Ability able, const Terminal& terminal) {
  switch (able) {
    case Ability::can: return terminal.paint(Colour::green, "This host can hold what its agents do.");
    case Ability::cannot:
      return terminal.paint(Colour::red, "This host cannot hold what its agents do, as it is now.");
    case Ability::unknown: break;
  }
  return terminal.paint(Colour::yellow, "Cannot tell whether this host can hold what its agents do: see ?");
}

std::string draw(const std::vector<Finding>& host, const std::vector<Finding>& doors, Ability able,
                 const Terminal& terminal) {
  Page page(terminal);
  page.heading(outcome(able, terminal));
  for (const Finding& finding : host) add(page, finding);
  page.gap();
  if (doors.empty()) {
    page.line("No door that this command knows stands open.");
    return page.text();
  }
  page.heading(terminal.paint(Colour::bold, "Doors that stand open on this host"));
  for (const Finding& finding : doors) add(page, finding);
  return page.text();
}

nlohmann::json to_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::json::array();
  for (const Finding& finding : findings)
    list.push_back({{"kind", word(finding.kind)},
                    {"subject", finding.subject},
                    {"text", printable(finding.text)},
                    {"advice", printable(finding.advice)}});
  return list;
}

nlohmann::json able_in_json(Ability able) {
  return able == Ability::unknown ? nlohmann::json() : nlohmann::json(able == Ability::can);
}

Exit exit_of(Ability able) {
  switch (able) {
    case Ability::can: return Exit::ok;
    case Ability::cannot: return Exit::refused;
    case Ability::unknown: break;
  }
  return Exit::cannot_tell;
}

}  // namespace

Exit run_doctor(const Context& context) {
  const auto facts = doctor::look();
  auto host = doctor::examine_kernel(facts);
  Ability able = doctor::ability(host);
  // A daemon that is not there says nothing of the host: people ask before they install it.
  host.push_back(examine_daemon(context.client));
  if (host.back().kind == Kind::missing) able = Ability::cannot;
  const auto doors = doctor::find_doors(facts);
  if (context.json()) {
    print_json({{"able", able_in_json(able)}, {"host", to_json(host)}, {"doors", to_json(doors)}});
  } else {
    print(draw(host, doors, able, context.terminal));
  }
  return exit_of(able);
}

}  // namespace holdpoint::cli
