// SPDX-License-Identifier: Apache-2.0
#include "policy/below.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace holdpoint::policy {
namespace {

RuleSet deciding(const RuleSet& set, const RuleSet& certain, const std::vector<RuleSet>& operations) {
  RuleSet out;
  for (const RuleSet& operation : operations) {
    const RuleSet meant = set & operation;
    for (std::size_t rule = meant._Find_first(); rule < meant.size(); rule = meant._Find_next(rule)) {
      out.set(rule);
      if (certain[rule]) break;
    }
  }
  return out;
}

}  // namespace

std::vector<RuleSet> rules_below(const Dfa& dfa, const std::vector<RuleSet>& sets, const RuleSet& certain,
                                 const std::vector<RuleSet>& operations) {
  std::unordered_map<RuleSet, RuleSet> known;
  std::vector<RuleSet> reached;
  reached.reserve(sets.size());
  for (const RuleSet& set : sets) {
    const auto [found, fresh] = known.try_emplace(set);
    if (fresh) found->second = deciding(set, certain, operations);
    reached.push_back(found->second);
  }
  // States are numbered as a walk from the start meets them, so from the last to the first few passes are enough.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t state = dfa.states(); state-- > 0;) {
      RuleSet all = reached[state];
      for (std::uint32_t c = 0; c < dfa.classes; ++c) all |= reached[dfa.next[state * dfa.classes + c]];
      changed = changed || all != reached[state];
      reached[state] = all;
    }
  }
  std::vector<RuleSet> below(dfa.states());
  const std::uint32_t slash = dfa.class_of[static_cast<unsigned char>('/')];
  for (std::size_t state = 0; state < below.size(); ++state)
    below[state] = reached[dfa.next[state * dfa.classes + slash]];
  return below;
}

std::uint32_t state_elsewhere(const Dfa& dfa) {
  constexpr int kDeeperThanAnyPattern = 64;
  constexpr std::string_view kUnheardOf = "/\x01holdpoint\x01elsewhere\x01";
  std::uint32_t state = dfa.start;
  const auto step = [&](char byte) {
    state = dfa.next[state * dfa.classes + dfa.class_of[static_cast<unsigned char>(byte)]];
  };
  for (int i = 0; i < kDeeperThanAnyPattern; ++i) std::ranges::for_each(kUnheardOf, step);
  step('/');
  return state;
}

}  // namespace holdpoint::policy
