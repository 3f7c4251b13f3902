// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/observed_report.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

bool is_mode(const std::string& word) { return word == "observe" || word == "enforce" || word == "policy"; }

std::vector<Cell> mode_row(const nlohmann::json& row, WallTime now) {
  const auto since = api::parse_rfc3339(field(row, "since"));
  const std::string mode = field(row, "mode");
  const std::string rule = field(row, "rule");
  const bool known = row.value("known", true);
  return {{printable(field(row, "agent")), Colour::bold},
          {rule.empty() ? "-" : printable(rule)},
          {printable(mode), mode == "observe" ? Colour::yellow : Colour::plain},
          {since ? relative(*since, now) : "-"},
          {since ? printable(person(child(row, "by"))) : "policy"},
          {known ? printable(field(row, "reason")) : "without effect: not in the policy"}};
}

Exit show_modes(const Context& context, const std::vector<std::string>& words) {
  const auto answer =
      context.client.get(words.empty() ? "/v1/modes" : "/v1/modes?agent=" + encode(words.front()));
  if (!answer) return fail(answer.error());
  nlohmann::json shown = nlohmann::json::array();
  for (const auto& row : answer->at("modes"))
    if (words.size() < 2 || field(row, "rule") == words[1]) shown.push_back(row);
  if (words.size() == 2 && shown.empty())
    return fail({Exit::not_found, "agent \"" + words[0] + "\" has no rule \"" + words[1] + "\"",
                 "holdpoint mode " + words[0] + " lists its rules"});
  if (context.json()) {
    print_json({{"modes", shown}});
    return Exit::ok;
  }
  Table table({"AGENT", "RULE", "MODE", "SINCE", "WHO", "REASON"});
  for (const auto& row : shown) table.add(mode_row(row, context.now()));
  print(table.empty() ? "The policy declares no agent.\n" : table.draw(context.terminal));
  return Exit::ok;
}

// An agent's mode as it is now; empty where nobody knows, and then the change says why.
std::string mode_now(const Context& context, const std::string& agent) {
  const auto answer = context.client.get("/v1/modes?agent=" + encode(agent));
  if (!answer) return {};
  for (const auto& row : child(*answer, "modes"))
    if (field(row, "rule").empty()) return field(row, "mode");
  return {};
}

std::string what_it_means(const nlohmann::json& row, const std::string& before) {
  const std::string subject = field(row, "rule").empty() ? "Agent " + printable(field(row, "agent"))
                                                         : "Rule " + printable(field(row, "rule")) +
                                                               " of agent " + printable(field(row, "agent"));
  if (field(row, "mode") == "observe")
    return subject + " is only observed: what its rules would hold or deny goes on, and the log says so.\n" +
           kStillRefused + "\n";
  const bool begins = field(row, "rule").empty() && before == "observe";
  return subject + " is enforced.\n" + (begins ? std::string(kEndWhatBegan) + "\n" : "");
}

Exit change_mode(const Context& context, const std::vector<std::string>& words) {
  nlohmann::json body{{"agent", words.front()}, {"mode", words.back()}};
  if (words.size() == 3) body["rule"] = words[1];
  const auto reason = context.arguments.value("reason");
  if (!reason && words.back() == "observe")
    return fail(
        {Exit::usage, "--reason TEXT is missing", "why is it not enforced any more? It goes to the log"});
  if (reason) body["reason"] = *reason;
  const auto before = mode_now(context, words.front());
  const auto row = context.client.put("/v1/modes", body);
  if (!row) return fail(row.error());
  if (context.json()) print_json(*row);
  else print(what_it_means(*row, before));
  return Exit::ok;
}

}  // namespace

Exit run_mode(const Context& context) {
  const auto& words = context.arguments.positional;
  if (words.size() >= 2 && is_mode(words.back())) return change_mode(context, words);
  if (words.size() == 3)
    return fail(
        {Exit::usage, "\"" + words.back() + "\" is none of observe, enforce, policy", "holdpoint help mode"});
  return show_modes(context, words);
}

}  // namespace holdpoint::cli
