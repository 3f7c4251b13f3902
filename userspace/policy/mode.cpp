// SPDX-License-Identifier: Apache-2.0
#include "policy/mode.hpp"

#include "policy/guard.hpp"
#include "policy/image_writer.hpp"

namespace holdpoint::policy {
namespace {

std::optional<Mode> said(const ModeOverrides& overrides, const std::string& agent, const std::string& rule) {
  const auto found = overrides.find({agent, rule});
  return found == overrides.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

std::string_view mode_word(Mode mode) { return mode == Mode::observe ? "observe" : "enforce"; }

std::optional<Mode> mode_of(std::string_view word) {
  for (const Mode mode : {Mode::enforce, Mode::observe})
    if (word == mode_word(mode)) return mode;
  return std::nullopt;
}

Mode agent_mode(const Agent& agent, const ModeOverrides& overrides) {
  return said(overrides, agent.name, "").value_or(agent.mode);
}

Mode rule_mode(const Agent& agent, const Rule& rule, const ModeOverrides& overrides) {
  if (is_guard(rule)) return Mode::enforce;
  if (const auto mode = said(overrides, agent.name, rule.id)) return *mode;
  return rule.mode ? *rule.mode : agent_mode(agent, overrides);
}

bool is_observed(const Rule& rule) { return rule.mode == Mode::observe; }

hp_rank rank_of(const Rule& rule) {
  const bool observed = is_observed(rule);
  switch (rule.verdict) {
    case HP_ALLOW: return HP_RANK_ALLOW;
    case HP_ASK: return observed ? HP_RANK_WOULD_ASK : HP_RANK_ASK;
    case HP_DENY: break;
  }
  return observed ? HP_RANK_WOULD_DENY : HP_RANK_DENY;
}

hp_rule image_rule(const Rule& rule) {
  const bool observed = is_observed(rule);
  const bool told = rule.log || (observed && rule.verdict != HP_ALLOW);
  return {static_cast<__u8>(observed ? HP_ALLOW : rule.verdict), static_cast<__u8>(rule.hold),
          static_cast<__u8>((told ? HP_RULE_LOG : 0) | (observed ? HP_RULE_OBSERVED : 0)),
          static_cast<__u8>(rank_of(rule))};
}

void apply_modes(hp_policy& image, const AgentPolicy& policy, std::uint32_t generation) {
  image.generation = generation;
  image.user_namespaces = policy.user_namespaces ? 1 : 0;
  image.asking = image.denying = image.observing = {};
  for (std::uint32_t number = 0; number < image.rule_count; ++number)
    put_rule(image, number, image_rule(policy.rules.at(number)));
}

}  // namespace holdpoint::policy
