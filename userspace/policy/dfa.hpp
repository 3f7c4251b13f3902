// SPDX-License-Identifier: Apache-2.0
// Deterministic automata: made from an Nfa by subset construction, then minimised. Bounded in work and
// memory, counted and not timed, so that the same policy gives the same answer on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <vector>

#include "policy/nfa.hpp"

namespace holdpoint::policy {

struct Dfa {
  std::uint32_t classes = 1;
  std::array<std::uint8_t, 256> class_of{};
  std::uint32_t start = 0;
  std::vector<std::uint32_t> next;    // state * classes + class; state 0 is dead and leads to itself
  std::vector<std::uint32_t> accept;  // state -> index of rule_sets
  std::vector<RuleSet> rule_sets;     // distinct; [0] is empty and belongs to state 0

  [[nodiscard]] std::uint32_t states() const { return static_cast<std::uint32_t>(accept.size()); }
};

// dominated[r] = rules that cannot be chosen where rule r matches this dimension: later ones with no
// operation of their own, and r asks nothing of executable and address. They are left out, which keeps the
// automaton small and changes no verdict.
using Dominated = std::vector<RuleSet>;

// A bound was reached: what there was too much of, and the patterns that multiply most, worst first.
struct Overflow {
  std::string what;
  std::vector<NfaPattern> patterns;
};

// Elementary steps of one construction, about a second. Over it: Overflow.
inline constexpr std::uint64_t kMaxSteps = 60'000'000;
// Before minimising there may be more than an image holds, but not far more; bounds memory (some 60 MiB).
// Over it: Overflow.
inline constexpr std::uint32_t kMaxRawStates = 2 * HP_MAX_STATES;
inline constexpr std::uint32_t kMaxRawTransitions = 4 * HP_MAX_TRANSITIONS;

[[nodiscard]] std::expected<Dfa, Overflow> determinize(const Nfa& nfa, const Dominated& dominated);
// For an automaton that could be made but does not fit: the patterns to blame. Does the construction again.
[[nodiscard]] Overflow multiplying_patterns(const Nfa& nfa, const Dominated& dominated, std::string what);
// The smallest automaton of the same meaning, states numbered as a breadth-first walk meets them.
[[nodiscard]] Dfa minimize(const Dfa& dfa);

}  // namespace holdpoint::policy
