// SPDX-License-Identifier: Apache-2.0
#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

std::vector<Cell> row(const nlohmann::json& grant, WallTime now) {
  const bool live = grant.value("live", false);
  const WallTime ends = api::parse_rfc3339(field(grant, "not_after")).value_or(WallTime{});
  return {{printable(field(grant, "id")), Colour::bold},
          {live ? relative(ends, now) : "over", live ? Colour::plain : Colour::dim},
          {field(grant, "scope")},
          {printable(person(child(grant, "by")))},
          {printable(field(grant, "agent"))},
          {field(grant, "session")},
          {printable(field(grant, "operation") + " " + field(grant, "object"))}};
}

}  // namespace

Exit run_grants(const Context& context) {
  const auto answer = context.client.get("/v1/grants");
  if (!answer) return fail(answer.error());
  nlohmann::json shown = nlohmann::json::array();
  for (const auto& grant : answer->at("grants")) {
    if (context.arguments.has("all") || grant.value("live", false)) shown.push_back(grant);
  }
  if (context.json()) {
    print_json({{"grants", shown}});
    return Exit::ok;
  }
  Table table({"GRANT", "ENDS", "SCOPE", "BY", "AGENT", "SESSION", "WHAT"});
  for (const auto& grant : shown) table.add(row(grant, context.now()));
  print(table.empty() ? "No grant holds: everything that is asked about is asked again.\n"
                      : table.draw(context.terminal));
  return Exit::ok;
}

}  // namespace holdpoint::cli
