// SPDX-License-Identifier: Apache-2.0
#include "policy/image_writer.hpp"

#include <algorithm>
#include <vector>

#include "policy/below.hpp"

namespace holdpoint::policy {

void put_rule(hp_policy& image, std::uint32_t number, const hp_rule& rule) {
  const auto add = [&](hp_set& set, bool member) {
    if (member) set.words[number / 64] |= 1ULL << (number % 64);
  };
  image.rules[number] = rule;
  add(image.asking, rule.verdict == HP_ASK);
  add(image.denying, rule.verdict == HP_DENY);
  add(image.observing, rule.rank == HP_RANK_WOULD_ASK || rule.rank == HP_RANK_WOULD_DENY);
}

ImageWriter::ImageWriter(std::uint32_t generation) : image_(std::make_unique<hp_policy>()) {
  image_->abi_version = HP_ABI_VERSION;
  image_->generation = generation;
}

void ImageWriter::add_rule(const hp_rule& rule, std::uint32_t operations) {
  const std::uint32_t number = image_->rule_count++;
  put_rule(*image_, number, rule);
  for (std::uint32_t operation = 0; operation < HP_OP_COUNT; ++operation) {
    if ((operations & (1U << operation)) == 0) continue;
    image_->operations[operation].words[number / 64] |= 1ULL << (number % 64);
  }
}

std::optional<std::uint16_t> ImageWriter::set_index(const RuleSet& rules) {
  const auto [found, fresh] = sets_.emplace(rules, static_cast<std::uint16_t>(image_->set_count));
  if (!fresh) return found->second;
  if (image_->set_count >= HP_MAX_SETS) return std::nullopt;
  hp_set& set = image_->sets[image_->set_count++];
  for (std::size_t rule = rules._Find_first(); rule < rules.size(); rule = rules._Find_next(rule)) {
    set.words[rule / 64] |= 1ULL << (rule % 64);
  }
  return found->second;
}

std::expected<void, std::string> ImageWriter::add_automaton(hp_automaton_id id, const Dfa& dfa,
                                                            const RuleSet& always,
                                                            const Dominated& dominated) {
  if (states_ + dfa.states() > HP_MAX_STATES) return std::unexpected("states");
  if (transitions_ + dfa.next.size() > HP_MAX_TRANSITIONS) return std::unexpected("transitions");
  hp_automaton& automaton = image_->automata[id];
  automaton.start = dfa.start;
  automaton.classes = dfa.classes;
  automaton.next_base = transitions_;
  automaton.accept_base = states_;
  automaton.states = dfa.states();
  std::copy(dfa.class_of.begin(), dfa.class_of.end(), automaton.class_of);
  for (const std::uint32_t accept : dfa.accept) {
    RuleSet rules = dfa.rule_sets[accept] | always;
    for (std::size_t rule = rules._Find_first(); rule < rules.size(); rule = rules._Find_next(rule)) {
      rules &= ~dominated[rule];
    }
    const auto set = set_index(rules);
    if (!set) return std::unexpected("rule sets");
    image_->accept[states_++] = *set;
  }
  for (const std::uint32_t next : dfa.next) image_->next[transitions_++] = static_cast<std::uint16_t>(next);
  return {};
}

RuleSet ImageWriter::rules_of(const hp_set& set) const {
  RuleSet rules;
  for (std::size_t rule = 0; rule < image_->rule_count; ++rule)
    rules.set(rule, (set.words[rule / 64] >> (rule % 64) & 1) != 0);
  return rules;
}

std::expected<void, std::string> ImageWriter::add_below(const Dfa& dfa, const RuleSet& certain) {
  const hp_automaton& automaton = image_->automata[HP_AUTOMATON_OBJECT];
  std::vector<RuleSet> sets;
  for (std::uint32_t state = 0; state < dfa.states(); ++state)
    sets.push_back(rules_of(image_->sets[image_->accept[automaton.accept_base + state]]));
  std::vector<RuleSet> operations;
  for (const hp_set& operation : image_->operations) operations.push_back(rules_of(operation));
  const auto below = rules_below(dfa, sets, certain, operations);
  for (std::uint32_t state = 0; state < dfa.states(); ++state) {
    const auto set = set_index(below[state]);
    if (!set) return std::unexpected("rule sets");
    image_->below[automaton.accept_base + state] = *set;
  }
  image_->elsewhere = state_elsewhere(dfa);
  return {};
}

}  // namespace holdpoint::policy
