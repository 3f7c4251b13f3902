// SPDX-License-Identifier: Apache-2.0
// The tables as bpf/ walks them. Indices are not checked against their bounds here: the compiler makes them
// right, and the kernel masks them.
#include <algorithm>
#include <bit>
#include <span>

#include "policy/evaluate.hpp"

namespace holdpoint::policy {
namespace {

const hp_set& walk(const hp_policy& image, hp_automaton_id id, std::span<const std::uint8_t> bytes) {
  const hp_automaton& automaton = image.automata[id];
  std::uint32_t state = automaton.start;
  for (const std::uint8_t byte : bytes) {
    state = image.next[automaton.next_base + state * automaton.classes + automaton.class_of[byte]];
    if (state == 0) break;  // dead: no byte leads out
  }
  return image.sets[image.accept[automaton.accept_base + state]];
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::uint32_t lowest_rule(const hp_set& set) {
  for (std::uint32_t word = 0; word < HP_SET_WORDS; ++word) {
    if (set.words[word] != 0)
      return word * 64 + static_cast<std::uint32_t>(std::countr_zero(set.words[word]));
  }
  return HP_MAX_RULES;
}

hp_set intersect(const hp_set& a, const hp_set& b) {
  hp_set out{};
  for (std::uint32_t word = 0; word < HP_SET_WORDS; ++word) out.words[word] = a.words[word] & b.words[word];
  return out;
}

const hp_set& dead_set(const hp_policy& image, hp_automaton_id id) {
  return image.sets[image.accept[image.automata[id].accept_base]];
}

// An access has an object or a destination; in the other dimension it is in the dead state.
hp_set target_set(const hp_policy& image, const Query& query) {
  if (query.kind != HP_OBJECT_INET) {
    return intersect(walk(image, HP_AUTOMATON_OBJECT, bytes_of(query.path)),
                     dead_set(image, HP_AUTOMATON_DESTINATION));
  }
  std::array<std::uint8_t, HP_DESTINATION_BYTES> bytes{};
  std::copy(query.address.begin(), query.address.end(), bytes.begin());
  bytes[16] = static_cast<std::uint8_t>(query.port >> 8);
  bytes[17] = static_cast<std::uint8_t>(query.port & 0xff);
  bytes[18] = query.protocol;
  return intersect(walk(image, HP_AUTOMATON_DESTINATION, bytes), dead_set(image, HP_AUTOMATON_OBJECT));
}

}  // namespace

ImageOutcome evaluate_image(const hp_policy& image, const Query& query) {
  const hp_set subject =
      intersect(target_set(image, query), walk(image, HP_AUTOMATON_EXECUTABLE, bytes_of(query.executable)));
  ImageOutcome chosen{HP_DENY, HP_MAX_RULES};
  for (std::uint32_t operation = 0; operation < HP_OP_COUNT; ++operation) {
    if ((query.operations & (1U << operation)) == 0) continue;
    const std::uint32_t found = lowest_rule(intersect(subject, image.operations[operation]));
    if (found >= image.rule_count) return {HP_DENY, HP_MAX_RULES};
    const hp_rule& rule = image.rules[found];
    const bool first = chosen.rule == HP_MAX_RULES;
    if (first || rule.rank > image.rules[chosen.rule].rank ||
        (rule.rank == image.rules[chosen.rule].rank && found < chosen.rule)) {
      chosen = {static_cast<hp_verdict>(rule.verdict), found};
    }
  }
  if (chosen.rule == HP_MAX_RULES && image.rule_count > 0) chosen.rule = image.rule_count - 1;  // empty mask
  return chosen;
}

std::uint32_t match_cgroup(const hp_policy& image, std::string_view cgroup) {
  const std::uint32_t rule = lowest_rule(walk(image, HP_AUTOMATON_OBJECT, bytes_of(cgroup)));
  return rule < image.rule_count ? rule : HP_MAX_AGENTS;
}

}  // namespace holdpoint::policy
