// SPDX-License-Identifier: Apache-2.0
// Lays automata out in one hp_policy and keeps its budgets.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>

#include "base/result.hpp"
#include "policy/dfa.hpp"

namespace holdpoint::policy {

// Puts a rule into its place of the image, and into the sets of those that ask, deny or observe. It must not be in them yet.
void put_rule(hp_policy& image, std::uint32_t number, const hp_rule& rule);

class ImageWriter {
 public:
  explicit ImageWriter(std::uint32_t generation);

  void add_rule(const hp_rule& rule, std::uint32_t operations);
  // The first so many rules hold also while the others are disarmed.
  void set_guards(std::uint32_t guards) { image_->guards = guards; }
  void set_user_namespaces(bool allowed) { image_->user_namespaces = allowed ? 1 : 0; }
  // `always`: rules without a condition in this dimension, members of every set. Gives what there was too
  // much of: "states", "transitions" or "rule sets".
  [[nodiscard]] std::expected<void, std::string> add_automaton(hp_automaton_id id, const Dfa& dfa,
                                                               const RuleSet& always,
                                                               const Dominated& dominated);
  // Of the object automaton, after it was added: what moving a directory has to ask about. `certain`: rules that ask nothing of
  // the executable. Error: as above.
  [[nodiscard]] std::expected<void, std::string> add_below(const Dfa& dfa, const RuleSet& certain);
  [[nodiscard]] std::unique_ptr<hp_policy> finish() { return std::move(image_); }

 private:
  std::optional<std::uint16_t> set_index(const RuleSet& rules);
  [[nodiscard]] RuleSet rules_of(const hp_set& set) const;

  std::unique_ptr<hp_policy> image_;
  std::unordered_map<RuleSet, std::uint16_t> sets_;
  std::uint32_t states_ = 0;
  std::uint32_t transitions_ = 0;
};

}  // namespace holdpoint::policy
