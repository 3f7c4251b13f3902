// SPDX-License-Identifier: Apache-2.0
// What could be decided about things below a directory: moving the directory is an access to all of them.
#pragma once

#include <vector>

#include "policy/dfa.hpp"

namespace holdpoint::policy {

// For each state of `dfa`, all rules that could decide about a path that continues there with '/': for every set of rules that a
// longer path can lead to, those in order up to the first that asks nothing of the executable, operation by operation.
// `sets`: the rules of each state. `certain`: rules without a condition on the executable. `operations`: rules of each operation.
[[nodiscard]] std::vector<RuleSet> rules_below(const Dfa& dfa, const std::vector<RuleSet>& sets,
                                               const RuleSet& certain,
                                               const std::vector<RuleSet>& operations);

// The state behind the slash of a directory that no rule means in particular: deep, and of names that no pattern spells out.
[[nodiscard]] std::uint32_t state_elsewhere(const Dfa& dfa);

}  // namespace holdpoint::policy
