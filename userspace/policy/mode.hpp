// SPDX-License-Identifier: Apache-2.0
// Whether a rule is enforced, or only observed: then what it says is told and not done. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "policy/policy.hpp"

namespace holdpoint::policy {

[[nodiscard]] std::string_view mode_word(Mode mode);
[[nodiscard]] std::optional<Mode> mode_of(std::string_view word);

// What operators said since, by agent and rule; no rule: the agent itself. Each stands in the place of what the files say of the
// same agent or rule.
using ModeOverrides = std::map<std::pair<std::string, std::string>, Mode>;

[[nodiscard]] Mode agent_mode(const Agent& agent, const ModeOverrides& overrides);
// A rule's own mode, else its agent's. What guards the guard is always enforced.
[[nodiscard]] Mode rule_mode(const Agent& agent, const Rule& rule, const ModeOverrides& overrides);

// For rules with their mode in force (of an AgentPolicy).
[[nodiscard]] bool is_observed(const Rule& rule);
[[nodiscard]] hp_rank rank_of(const Rule& rule);
[[nodiscard]] hp_rule image_rule(const Rule& rule);

// Puts the modes of `policy`, and the generation, into the image that was compiled from the same rules in other modes. Modes
// change neither automata nor sets, so the result is what compile() would make, without its seconds.
void apply_modes(hp_policy& image, const AgentPolicy& policy, std::uint32_t generation);

}  // namespace holdpoint::policy
