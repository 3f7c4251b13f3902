// SPDX-License-Identifier: Apache-2.0
#include "cli/observed_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/request_view.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

using nlohmann::json;

void ObservedReport::add(const json& record) {
  if (field(record, "kind") != "observed") return;
  Group& group = groups_[{field(record, "agent"), field(record, "rule"), field(record, "verdict")}];
  const auto times = record.find("times");
  const bool counted = times != record.end() && times->is_number_unsigned();
  group.count +=
      counted ? times->get<std::uint64_t>() : 1;  // a number stands for those beside the ones told alone
  if (group.reason.empty()) group.reason = field(record, "reason");
  if (group.example.empty() && !child(record, "access").empty()) group.example = attempt(record);
}

void ObservedReport::begin_anew(const json& record) {
  const bool agents = field(record, "kind") == "mode" && field(record, "rule").empty();
  if (!agents || field(record, "to") != "observe" || field(record, "from") == "observe") return;
  const auto agent = field(record, "agent");
  std::erase_if(groups_, [&](const auto& entry) { return std::get<0>(entry.first) == agent; });
}

std::vector<std::pair<ObservedReport::Key, ObservedReport::Group>> ObservedReport::sorted() const {
  std::vector<std::pair<Key, Group>> all(groups_.begin(), groups_.end());
  std::ranges::stable_sort(
      all, [](const auto& left, const auto& right) { return left.second.count > right.second.count; });
  return all;
}

std::vector<std::string> ObservedReport::agents() const {
  std::set<std::string> names;
  for (const auto& [key, group] : groups_) names.insert(std::get<0>(key));
  return {names.begin(), names.end()};
}

json ObservedReport::as_json() const {
  nlohmann::json groups = nlohmann::json::array();
  for (const auto& [key, group] : sorted())
    groups.push_back({{"agent", std::get<0>(key)},
                      {"rule", std::get<1>(key)},
                      {"verdict", std::get<2>(key)},
                      {"count", group.count},
                      {"reason", group.reason},
                      {"example", group.example}});
  nlohmann::json next = nlohmann::json::array();
  for (const auto& agent : agents()) next.push_back({{"agent", agent}, {"next", enforce_command(agent)}});
  return {{"groups", groups}, {"agents", next}};
}

std::string ObservedReport::draw(const Terminal& terminal) const {
  Table table({"TIMES", "WOULD", "AGENT", "RULE", "FOR EXAMPLE"});
  for (const auto& [key, group] : sorted()) {
    const auto& verdict = std::get<2>(key);
    table.add({{std::to_string(group.count), Colour::bold},
               {printable(verdict), verdict == "deny" ? Colour::red : Colour::yellow},
               {printable(std::get<0>(key))},
               {printable(std::get<1>(key))},
               {group.example.empty() ? "-" : group.example}});
  }
  std::string out = table.draw(terminal) + "\nTo hold and deny these from now on:\n";
  for (const auto& agent : agents()) out += "  " + printable(enforce_command(agent)) + "\n";
  return out;
}

std::string enforce_command(const std::string& agent) {
  return "holdpoint mode " + shell_word(agent) + " enforce --reason 'observed long enough'";
}

}  // namespace holdpoint::cli
