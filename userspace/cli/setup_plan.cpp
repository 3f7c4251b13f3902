// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace holdpoint::cli {
namespace {

constexpr unsigned first_number = 60;  // behind a 50-coding.yaml
constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool made_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [&](char c) {
    return letters.find(c) != std::string_view::npos || more.find(c) != std::string_view::npos;
  });
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return lines;
}

// "  NAME:" of an agent, or nothing.
std::string_view agent_key(std::string_view line) {
  if (!line.starts_with("  ") || line.starts_with("   ") || !line.ends_with(':')) return {};
  return line.substr(2, line.size() - 3);
}

// The file in its parts.
struct Source {
  std::string agent;
  std::vector<std::string_view> settings;  // of the agent, without its cgroups and mode
  std::vector<std::string_view> more;      // other keys of the file
  std::vector<std::string_view> rules;
};

bool blank(std::string_view line) {
  const auto first = line.find_first_not_of(' ');
  return first == std::string_view::npos || line[first] == '#';
}

std::expected<Source, std::string> take_apart(std::string_view policy) {
  Source source;
  std::string_view section;
  bool left_out = false;  // within a setting that is replaced
  for (const auto line : lines_of(policy)) {
    if (!line.empty() && line[0] != ' ' && line[0] != '#') {
      section = line.substr(0, line.find(':'));
      if (section == "agents" || section == "rules" || section == "version") continue;
    }
    if (section == "rules") {
      source.rules.push_back(line);
    } else if (section == "agents" && !blank(line)) {
      if (const auto name = agent_key(line); !name.empty()) {
        if (!source.agent.empty()) return std::unexpected("the policy declares several agents");
        source.agent = name;
        continue;
      }
      if (!line.starts_with("    ") || source.agent.empty())
        return std::unexpected("its agent is not written as in coding.yaml");
      if (!line.starts_with("     "))
        left_out = line.starts_with("    cgroups:") || line.starts_with("    mode:") ||
                   line.starts_with("    description:");
      if (!left_out) source.settings.push_back(line);
    } else if (!section.empty() && section != "version" && section != "agents") {
      source.more.push_back(line);
    }
  }
  if (source.agent.empty()) return std::unexpected("the policy declares no agent");
  return source;
}

std::expected<std::string, std::string> rules_for(const Source& source, const std::string& agent) {
  const std::string prefix = agent == source.agent ? "" : agent + "-";
  const std::string own = fmt::format("    agents: [{}]", source.agent);
  std::string out;
  std::size_t rules = 0, named = 0;
  for (const auto line : source.rules) {
    if (line.starts_with("  - ")) {
      if (!line.starts_with("  - id: "))
        return std::unexpected("its rules are not written as in coding.yaml");
      ++rules;
      out += fmt::format("  - id: {}{}\n", prefix, line.substr(8));
    } else if (line == own) {
      ++named;
      out += fmt::format("    agents: [{}]\n", agent);
    } else {
      out += fmt::format("{}\n", line);
    }
  }
  // A rule for every agent would be a rule for those of other files, too.
  if (rules != named) return std::unexpected("not every rule of it names its agent");
  return out;
}

std::string head_of(const SetupPlan& plan) {
  return fmt::format(
      "# SPDX-License-Identifier: Apache-2.0\n"
      "# Made by `holdpoint setup`; change what you like, then `systemctl reload holdpointd`.\n"
      "# mode: observe lets everything go on and says in the log what would have happened; enforce holds and "
      "denies.\n"
      "version: 1\n\nagents:\n  {}:\n    description: Made by holdpoint setup\n",
      plan.agent);
}

std::string test_rule_text(const SetupPlan& plan) {
  return fmt::format(
      "rules:\n"
      "  # The test of `holdpoint setup`: a question about a harmless file, this one.\n"
      "  - id: {}\n"
      "    agents: [{}]\n"
      "    on: read\n"
      "    path: \"{}\"\n"
      "    verdict: ask\n"
      "    reason: This is a test of holdpoint setup; the file is the agent's policy and harmless\n"
      "    timeout: 10m\n"
      "    mode: enforce\n\n",
      test_rule(plan.agent), plan.agent, plan.path);
}

}  // namespace

std::expected<std::string, std::string> cgroup_of_unit(const std::string& unit) {
  const bool typed = unit.ends_with(".service") || unit.ends_with(".scope") || unit.ends_with(".slice");
  if (!typed || !made_of(unit, ":_.@-"))
    return std::unexpected("\"" + unit + "\" is no unit such as agent.service; --cgroup takes any pattern");
  return "/**/" + unit;
}

std::string slice_advice(const std::string& unit) {
  // Only a service has settings that a drop-in can give it: a scope is made by whoever starts it, a slice's name is its place.
  if (unit.ends_with(".service"))
    return "put it into agents.slice: `systemctl edit " + unit +
           "`, with the lines [Service] and Slice=agents.slice,";
  return "have it below agents.slice, as `systemd-run --slice=agents.slice` and slices named "
         "agents-NAME.slice are,";
}

std::string drop_in_name(const std::vector<std::string>& files, const std::string& agent) {
  unsigned next = first_number;
  for (const auto& file : files) {
    unsigned number = 0;
    std::from_chars(file.data(), file.data() + file.size(), number);
    if (number < 1'000'000) next = std::max(next, number + 1);
  }
  return fmt::format("{}-{}.yaml", next, agent);
}

std::string test_rule(const std::string& agent) { return "setup-test-" + agent; }

std::expected<std::string, std::string> drop_in(const SetupPlan& plan, std::string_view policy) {
  if (!made_of(plan.agent, "-") || plan.agent.empty())
    return std::unexpected("the agent's name is not a name");
  if (!made_of(plan.path, "/._-")) return std::unexpected("the policy directory has an unusual name");
  if (plan.cgroup.find_first_of("\"\\\n") != std::string::npos)
    return std::unexpected("the cgroup pattern has a quote, a backslash or a line break");
  const auto source = take_apart(policy);
  if (!source) return std::unexpected(source.error());
  const auto rules = rules_for(*source, plan.agent);
  if (!rules) return rules;
  std::string out = head_of(plan);
  if (!plan.unit.empty())
    out += fmt::format("    # Whoever starts it: {}\n    # {}.\n", slice_advice(plan.unit), kWhySlice);
  if (!plan.cgroup.empty()) out += fmt::format("    cgroups: [\"{}\"]\n", plan.cgroup);
  for (const auto line : source->settings) out += fmt::format("{}\n", line);
  out += fmt::format("    mode: {}\n\n", plan.mode);
  for (const auto line : source->more) out += fmt::format("{}\n", line);
  return out + test_rule_text(plan) + *rules;
}

}  // namespace holdpoint::cli
