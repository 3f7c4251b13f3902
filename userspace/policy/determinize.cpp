// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "policy/dfa.hpp"

namespace holdpoint::policy {
namespace {

using States = std::u32string;  // sorted; a string because it has a hash

struct Classes {
  std::array<std::uint8_t, 256> class_of{};
  std::uint32_t count = 1;
  std::unordered_map<ByteSet, std::vector<std::uint8_t>> of_set;
  std::vector<const std::vector<std::uint8_t>*> of_state;  // NFA state -> classes its edge reads, in of_set
};

// Bytes that no edge tells apart share a class: a table row is as wide as the policy is fussy.
Classes byte_classes(const Nfa& nfa) {
  Classes classes;
  for (const NfaState& state : nfa.states) classes.of_set.emplace(state.bytes, std::vector<std::uint8_t>{});
  for (const auto& [bytes, unused] : classes.of_set) {
    std::map<std::pair<unsigned, bool>, std::uint8_t> split;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const auto key = std::pair(static_cast<unsigned>(classes.class_of[byte]), bytes.test(byte));
      classes.class_of[byte] = split.emplace(key, static_cast<std::uint8_t>(split.size())).first->second;
    }
    classes.count = static_cast<std::uint32_t>(split.size());
  }
  for (auto& [bytes, members] : classes.of_set) {
    std::set<std::uint8_t> found;
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (bytes.test(byte)) found.insert(classes.class_of[byte]);
    }
    members.assign(found.begin(), found.end());
  }
  for (const NfaState& state : nfa.states) classes.of_state.push_back(&classes.of_set.at(state.bytes));
  return classes;
}

// States reached without a byte that read one or accept; pure forks are not kept.
States closure(const Nfa& nfa, std::uint32_t from) {
  States out;
  std::vector<std::uint32_t> stack = {from};
  std::set<std::uint32_t> seen;
  while (!stack.empty()) {
    const std::uint32_t at = stack.back();
    stack.pop_back();
    if (!seen.insert(at).second) continue;
    const NfaState& state = nfa.states[at];
    if (state.accepts || state.next != kNoState) out += static_cast<char32_t>(at);
    stack.insert(stack.end(), state.empty.begin(), state.empty.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class Construction {
 public:
  Construction(const Nfa& nfa, const Dominated& dominated)
      : nfa_(nfa), dominated_(dominated), classes_(byte_classes(nfa)), buckets_(classes_.count) {}

  std::expected<Dfa, Overflow> run();
  [[nodiscard]] Overflow overflow(std::string what) const;

 private:
  void tidy(States& states) const;
  std::uint32_t number(States states);  // of the subset, new or known; 0 for the empty one
  std::uint32_t accept(const States& states);
  bool expand(std::uint32_t state);
  const States& closure_of(std::uint32_t state);

  const Nfa& nfa_;
  const Dominated& dominated_;
  Classes classes_;
  std::vector<States> buckets_;  // scratch of expand(), by class
  std::unordered_map<std::uint32_t, States> closures_;
  std::unordered_map<States, std::uint32_t> numbers_;
  std::vector<const States*> subsets_;  // by number; keys of numbers_, which do not move
  std::unordered_map<RuleSet, std::uint32_t> accepts_;
  std::uint64_t steps_ = 0;
  Dfa dfa_;
};

const States& Construction::closure_of(std::uint32_t state) {
  const auto [found, fresh] = closures_.try_emplace(state);
  if (fresh) found->second = closure(nfa_, state);
  return found->second;
}

// Sorts, and drops what a rule that matches from here on for ever makes pointless: the rest of the same rule,
// and rules that it dominates.
void Construction::tidy(States& states) const {
  std::sort(states.begin(), states.end());
  states.erase(std::unique(states.begin(), states.end()), states.end());
  RuleSet pointless;
  RuleSet forever;
  for (const char32_t at : states) {
    const NfaState& state = nfa_.states[at];
    if (!state.forever) continue;
    const std::uint32_t rule = nfa_.patterns[state.pattern].rule;
    forever.set(rule);
    pointless |= dominated_[rule];
  }
  if (forever.none()) return;
  std::erase_if(states, [&](char32_t at) {
    const NfaState& state = nfa_.states[at];
    const std::uint32_t rule = nfa_.patterns[state.pattern].rule;
    return pointless.test(rule) || (!state.forever && forever.test(rule));
  });
}

std::uint32_t Construction::accept(const States& states) {
  RuleSet rules;
  for (const char32_t at : states) {
    const NfaState& state = nfa_.states[at];
    if (state.accepts) rules.set(nfa_.patterns[state.pattern].rule);
  }
  for (std::size_t rule = rules._Find_first(); rule < rules.size(); rule = rules._Find_next(rule)) {
    rules &= ~dominated_[rule];
  }
  const auto [found, fresh] = accepts_.emplace(rules, static_cast<std::uint32_t>(dfa_.rule_sets.size()));
  if (fresh) dfa_.rule_sets.push_back(rules);
  return found->second;
}

std::uint32_t Construction::number(States states) {
  tidy(states);
  const auto [found, fresh] =
      numbers_.emplace(std::move(states), static_cast<std::uint32_t>(subsets_.size()));
  if (fresh) {
    subsets_.push_back(&found->first);
    steps_ += 4 * found->first.size();  // kept, so it costs memory too
    dfa_.accept.push_back(accept(found->first));
    dfa_.next.resize(dfa_.next.size() + classes_.count);
  }
  return found->second;
}

bool Construction::expand(std::uint32_t from) {
  for (const char32_t at : *subsets_[from]) {
    const NfaState& state = nfa_.states[at];
    if (state.next == kNoState) continue;
    const States& reached = closure_of(state.next);
    const std::vector<std::uint8_t>& read = *classes_.of_state[at];
    for (const std::uint8_t byte_class : read) buckets_[byte_class] += reached;
    steps_ += (reached.size() + 1) * read.size();
  }
  for (std::uint32_t byte_class = 0; byte_class < classes_.count; ++byte_class) {
    const std::uint32_t to = buckets_[byte_class].empty() ? 0 : number(buckets_[byte_class]);
    dfa_.next[from * classes_.count + byte_class] = to;
    buckets_[byte_class].clear();
  }
  return steps_ <= kMaxSteps && subsets_.size() <= kMaxRawStates && dfa_.next.size() <= kMaxRawTransitions;
}

// A pattern that splits the states into many kinds by its own progress is one that multiplies them.
Overflow Construction::overflow(std::string what) const {
  std::vector<std::set<States>> kinds(nfa_.patterns.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(subsets_.size(), 5000); ++i) {
    std::map<std::uint32_t, States> parts;
    for (const char32_t at : *subsets_[subsets_.size() - 1 - i]) parts[nfa_.states[at].pattern] += at;
    for (auto& [pattern, part] : parts) kinds[pattern].insert(std::move(part));
  }
  std::vector<std::uint32_t> order(kinds.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return kinds[a].size() > kinds[b].size(); });
  Overflow out{std::move(what), {}};
  for (std::size_t i = 0; i < std::min<std::size_t>(order.size(), 6); ++i)
    out.patterns.push_back(nfa_.patterns[order[i]]);
  return out;
}

std::expected<Dfa, Overflow> Construction::run() {
  dfa_.classes = classes_.count;
  dfa_.class_of = classes_.class_of;
  number({});
  States start;
  for (const std::uint32_t state : nfa_.starts) start += closure_of(state);
  dfa_.start = number(std::move(start));
  for (std::uint32_t state = 1; state < subsets_.size(); ++state) {
    if (expand(state)) continue;
    return std::unexpected(overflow(steps_ > kMaxSteps ? "work" : "states"));
  }
  return std::move(dfa_);
}

}  // namespace

std::expected<Dfa, Overflow> determinize(const Nfa& nfa, const Dominated& dominated) {
  if (nfa.states.empty()) {
    Dfa nothing;
    nothing.next = {0};
    nothing.accept = {0};
    nothing.rule_sets.resize(1);
    return nothing;
  }
  return Construction(nfa, dominated).run();
}

Overflow multiplying_patterns(const Nfa& nfa, const Dominated& dominated, std::string what) {
  Construction construction(nfa, dominated);
  (void)construction.run();
  return construction.overflow(std::move(what));
}

}  // namespace holdpoint::policy
