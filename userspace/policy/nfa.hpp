// SPDX-License-Identifier: Apache-2.0
// Patterns and destinations as one nondeterministic automaton over bytes.
#pragma once

#include <bitset>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace holdpoint::policy {

using RuleSet = std::bitset<HP_MAX_RULES>;
inline constexpr std::uint32_t kNoState = std::numeric_limits<std::uint32_t>::max();

struct NfaState {
  ByteSet bytes;                     // of the one edge; none = no edge
  std::uint32_t next = kNoState;     // where the edge leads
  std::vector<std::uint32_t> empty;  // edges without a byte
  std::uint32_t pattern = 0;         // index of Nfa::patterns
  bool accepts = false;
  bool forever = false;  // accepts, and goes on accepting whatever follows
};

// For messages: which rule and text a state comes from.
struct NfaPattern {
  std::uint32_t rule = 0;
  std::string text;
  Place place;
};

struct Nfa {
  std::vector<NfaState> states;
  std::vector<std::uint32_t> starts;
  std::vector<NfaPattern> patterns;
  // Accepting states are shared by all patterns of a rule: fewer states to tell apart.
  std::map<std::uint32_t, std::uint32_t> accept_of_rule;
  std::map<std::uint32_t, std::uint32_t> forever_of_rule;
};

void add_pattern(Nfa& nfa, const Pattern& pattern, std::uint32_t rule);
// Over the 19 bytes address, port, protocol.
void add_destination(Nfa& nfa, const Destination& destination, std::uint32_t rule);

}  // namespace holdpoint::policy
