// SPDX-License-Identifier: Apache-2.0
#include "policy/evaluate.hpp"

#include <algorithm>

#include "policy/check.hpp"

namespace holdpoint::policy {
namespace {

bool any_matches(const std::vector<Pattern>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const Pattern& pattern) { return glob_matches(pattern.glob, text); });
}

bool destination_matches(const Destination& destination, const Query& query) {
  for (unsigned bit = 0; bit < destination.cidr.prefix; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((destination.cidr.address[bit / 8] & mask) != (query.address[bit / 8] & mask)) return false;
  }
  const auto has_port = [&](const PortRange& range) {
    return range.first <= query.port && query.port <= range.last;
  };
  if (!destination.ports.empty() &&
      std::none_of(destination.ports.begin(), destination.ports.end(), has_port)) {
    return false;
  }
  return destination.protocol == Protocol::any ||
         static_cast<std::uint8_t>(destination.protocol) == query.protocol;
}

bool object_matches(const Rule& rule, const Query& query) {
  if (rule.any_object()) return true;
  switch (query.kind) {
    case HP_OBJECT_FILE: return any_matches(rule.paths, query.path);
    case HP_OBJECT_INET:
      return std::any_of(
          rule.destinations.begin(), rule.destinations.end(),
          [&](const Destination& destination) { return destination_matches(destination, query); });
    case HP_OBJECT_UNIX_PATH:
    case HP_OBJECT_UNIX_ABSTRACT: return any_matches(rule.sockets, query.path);
  }
  return false;
}

std::uint32_t first_match(const AgentPolicy& policy, const Query& query, std::uint32_t operation) {
  for (std::uint32_t i = 0; i < policy.rules.size(); ++i) {
    const Rule& rule = policy.rules[i];
    if ((rule.operations & operation) == 0) continue;
    if (!rule.executables.empty() && !any_matches(rule.executables, query.executable)) continue;
    if (object_matches(rule, query)) return i;
  }
  return static_cast<std::uint32_t>(policy.rules.size());
}

}  // namespace

Outcome outcome_of(const AgentPolicy& policy, std::uint32_t index) {
  if (index >= policy.rules.size())
    return {HP_DENY, index, "none", "No such rule", {}, HP_HOLD_AUTO, true, false};
  const Rule& rule = policy.rules[index];
  return {rule.verdict, index, rule.id, rule.reason, rule.timeout, rule.hold, rule.log, is_observed(rule)};
}

Outcome evaluate(const AgentPolicy& policy, const Query& query) {
  std::uint32_t chosen = static_cast<std::uint32_t>(policy.rules.size());
  for (std::uint32_t operation = 0; operation < HP_OP_COUNT; ++operation) {
    const std::uint32_t bit = 1U << operation;
    if ((query.operations & bit) == 0) continue;
    const std::uint32_t found = first_match(policy, query, bit);
    if (found >= policy.rules.size()) return outcome_of(policy, found);
    if (chosen >= policy.rules.size() || rank_of(policy.rules[found]) > rank_of(policy.rules[chosen]) ||
        (rank_of(policy.rules[found]) == rank_of(policy.rules[chosen]) && found < chosen)) {
      chosen = found;
    }
  }
  Outcome outcome = outcome_of(policy, chosen < policy.rules.size() ? chosen : chosen - 1);
  if (chosen >= policy.rules.size()) outcome.verdict = HP_DENY, outcome.observed = false;
  return outcome;
}

Outcome evaluate(const Checked& policy, std::uint32_t agent, const Query& query) {
  return evaluate(agent_policy(policy, agent), query);
}

}  // namespace holdpoint::policy
