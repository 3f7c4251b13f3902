// SPDX-License-Identifier: Apache-2.0
#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

// What the launcher claims, said to be claimed since nobody has checked it; where it runs when nothing is.
std::string about(const nlohmann::json& session) {
  const auto& claims = child(session, "claims");
  std::string claimed;
  if (const auto who = field(claims, "on_behalf_of"); !who.empty()) claimed = "for " + who;
  if (const auto why = field(claims, "purpose"); !why.empty()) claimed += (claimed.empty() ? "" : ", ") + why;
  return printable(claimed.empty() ? field(session, "cgroup") : "claimed: " + claimed);
}

std::vector<Cell> session_row(const nlohmann::json& session, WallTime now) {
  const bool alive = child(session, "ended").empty();
  const bool observed = field(session, "mode") == "observe";
  const WallTime started = api::parse_rfc3339(field(session, "started")).value_or(WallTime{});
  const std::string open = field(session, "open_requests");
  Cell requests{open + " open", open == "0" ? Colour::plain : Colour::yellow};
  if (session.value("locked_down", false)) requests = {"LOCKED DOWN", Colour::red};
  if (!alive) requests = {"ended", Colour::dim};
  return {{field(session, "id"), Colour::bold},
          {printable(field(session, "agent")) + (observed ? " (observed)" : ""),
           observed ? Colour::yellow : Colour::plain},
          {printable(person(child(session, "owner")))},
          {relative(started, now)},
          requests,
          {printable(field(session, "recognised_by"))},
          {about(session)}};
}

}  // namespace

Exit run_sessions(const Context& context) {
  const auto answer = context.client.get("/v1/sessions");
  if (!answer) return fail(answer.error());
  nlohmann::json shown = nlohmann::json::array();
  for (const auto& session : answer->at("sessions")) {
    if (context.arguments.has("all") || child(session, "ended").empty()) shown.push_back(session);
  }
  if (context.json()) {
    print_json({{"sessions", shown}});
    return Exit::ok;
  }
  Table table({"SESSION", "AGENT", "OWNER", "STARTED", "REQUESTS", "BY", "ABOUT"});
  for (const auto& session : shown) table.add(session_row(session, context.now()));
  print(table.empty() ? "No agent is at work.\n" : table.draw(context.terminal));
  return Exit::ok;
}

}  // namespace holdpoint::cli
