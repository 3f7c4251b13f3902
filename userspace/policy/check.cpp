// SPDX-License-Identifier: Apache-2.0
#include "policy/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "policy/parse.hpp"
#include "policy/text.hpp"

namespace holdpoint::policy {
namespace {

using Places = std::unordered_map<std::string, Place>;

void check_agents(const Policy& policy, Diagnostics& out) {
  Places seen;
  for (const Agent& agent : policy.agents) {
    if (agent.name.empty()) continue;
    const auto [first, fresh] = seen.emplace(agent.name, agent.place);
    if (!fresh) {
      out.error(agent.place,
                fmt::format("agent '{}' is declared twice; the first is at {}", agent.name,
                            out.name(first->second)),
                "an agent is declared in one file; its rules may stand in many");
    }
  }
  if (policy.agents.size() > HP_MAX_AGENTS) {
    out.error(
        policy.agents[HP_MAX_AGENTS].place,
        fmt::format("{} agents are declared, at most {} are possible", policy.agents.size(), HP_MAX_AGENTS),
        "let agents with the same rules share one declaration");
  }
  if (policy.agents.empty() && !out.has_errors()) {
    out.warning({}, "no agent is declared: nothing is watched", "add 'agents:' to a policy file");
  }
}

void check_rules(const Policy& policy, Diagnostics& out) {
  if (policy.agents.size() > HP_MAX_AGENTS) return;  // reported; and names are searched one by one
  Places seen;
  std::vector<std::string_view> names;
  for (const Agent& agent : policy.agents) names.push_back(agent.name);
  for (const Rule& rule : policy.rules) {
    if (!rule.id.empty()) {
      const auto [first, fresh] = seen.emplace(rule.id, rule.place);
      if (!fresh) {
        out.error(
            rule.place,
            fmt::format("rule id '{}' is used twice; the first is at {}", rule.id, out.name(first->second)),
            "records name rules by id: give one of them another");
      }
    }
    for (const Name& agent : rule.agents) {
      if (out.full()) return;
      if (std::find(names.begin(), names.end(), agent.text) != names.end()) continue;
      const auto near = nearest_word(agent.text, names);
      out.error(agent.place, fmt::format("rule '{}': no agent '{}' is declared", rule.id, agent.text),
                near ? fmt::format("did you mean '{}'?", *near) : std::string("declare it under 'agents:'"));
    }
  }
}

// Each once, in order, so that the order of files changes nothing.
std::vector<std::string> check_variables(const Policy& policy, Diagnostics& out) {
  std::set<std::string> names;
  for (const Name& name : policy.variables) names.insert(name.text);
  if (policy.variables.empty()) names.insert(kDefaultVariables.begin(), kDefaultVariables.end());
  if (names.size() > HP_MAX_VARIABLES) {
    out.error(policy.variables.back().place,
              fmt::format("environment: {} variables are listed, at most {} are possible", names.size(),
                          HP_MAX_VARIABLES),
              "list those that change what a program does");
  }
  return {names.begin(), names.end()};
}

bool applies_to(const Rule& rule, const Agent& agent) {
  return rule.agents.empty() || std::any_of(rule.agents.begin(), rule.agents.end(),
                                            [&](const Name& name) { return name.text == agent.name; });
}

// One rule as the kernel decides it, for one kind of object each. The kernel intersects the sets of object
// and destination, so a rule with both would need both; and its object automaton reads paths and socket names
// alike, so "path: /a, socket: /b" must not match a connect to /a.
void add_decided(const Rule& rule, std::vector<Rule>& rules) {
  if (rule.any_object()) {
    rules.push_back(rule);
    return;
  }
  const auto add = [&](std::uint32_t operations, bool wanted) -> Rule* {
    if (!wanted || (rule.operations & operations) == 0) return nullptr;
    Rule& one = rules.emplace_back(rule);
    one.operations &= operations;
    one.paths.clear();
    one.sockets.clear();
    one.destinations.clear();
    return &one;
  };
  if (Rule* one = add(kFileOperations, !rule.paths.empty())) one->paths = rule.paths;
  if (Rule* one = add(kNetworkOperations, !rule.sockets.empty())) one->sockets = rule.sockets;
  if (Rule* one = add(kNetworkOperations, !rule.destinations.empty())) one->destinations = rule.destinations;
}

Rule default_rule(const Agent& agent) {
  Rule rule;
  rule.id = "default:" + agent.name;
  rule.place = agent.place;
  rule.operations = kFileOperations | kNetworkOperations;
  rule.verdict = agent.default_verdict;
  rule.reason = agent.default_reason.empty() ? "No rule speaks of this" : agent.default_reason;
  return rule;
}

}  // namespace

CheckResult check(std::vector<SourceText> sources, const GuardPaths& guard) {
  std::stable_sort(sources.begin(), sources.end(), [](const SourceText& left, const SourceText& right) {
    return natural_less(left.name, right.name);
  });
  std::vector<std::string> names;
  for (const SourceText& source : sources) names.push_back(source.name);
  Diagnostics out(names);
  Policy policy = parse(sources, out);
  check_agents(policy, out);
  check_rules(policy, out);
  auto variables = check_variables(policy, out);
  if (out.has_errors()) return {std::nullopt, out.take()};
  Checked checked{std::move(policy.files), std::move(policy.agents), guard_rules(guard),
                  std::move(policy.rules), std::move(variables),     {}};
  checked.digest = digest_of(checked);
  warn_shadowed(checked, out);
  return {std::move(checked), out.take()};
}

std::optional<std::uint32_t> find_agent(const Checked& policy, std::string_view name) {
  for (std::uint32_t id = 0; id < policy.agents.size(); ++id) {
    if (policy.agents[id].name == name) return id;
  }
  return std::nullopt;
}

AgentPolicy agent_policy(const Checked& policy, std::uint32_t id, const ModeOverrides& overrides) {
  const Agent& agent = policy.agents.at(id);
  AgentPolicy out{id, agent.name, {}};
  for (const Rule& rule : policy.guards) add_decided(rule, out.rules);
  out.guards = static_cast<std::uint32_t>(out.rules.size());
  for (const Rule& rule : policy.rules) {
    if (applies_to(rule, agent)) add_decided(rule, out.rules);
  }
  out.rules.push_back(default_rule(agent));
  for (Rule& rule : out.rules) rule.mode = rule_mode(agent, rule, overrides);
  // Who is only observed is not kept from anything.
  out.user_namespaces = agent.user_namespaces || agent_mode(agent, overrides) == Mode::observe;
  return out;
}

}  // namespace holdpoint::policy
