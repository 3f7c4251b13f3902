// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands/commands.hpp"
#include "cli/page.hpp"
#include "cli/text.hpp"
#include "doctor/examine.hpp"

namespace holdpoint::cli {
namespace {

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

std::string draw(const std::vector<Finding>& host, const std::vector<Finding>& doors, bool able,
                 const Terminal& terminal) {
  Page page(terminal);
  page.heading(able ? terminal.paint(Colour::green, "This host can hold what its agents do.")
                    : terminal.paint(Colour::red, "This host cannot hold what its agents do, as it is now."));
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

}  // namespace

Exit run_doctor(const Context& context) {
  const auto facts = doctor::look();
  auto host = doctor::examine_kernel(facts);
  host.push_back(examine_daemon(context.client));
  const auto doors = doctor::find_doors(facts);
  const bool able = std::ranges::none_of(host, [](const Finding& f) { return f.kind == Kind::missing; });
  if (context.json()) {
    print_json({{"able", able}, {"host", to_json(host)}, {"doors", to_json(doors)}});
  } else {
    print(draw(host, doors, able, context.terminal));
  }
  return able ? Exit::ok : Exit::refused;
}

}  // namespace holdpoint::cli
