// SPDX-License-Identifier: Apache-2.0
// Minimisation by partition refinement on states and on transitions together, in m log m for m transitions:
// blocks of states that look alike are split by bundles of transitions, bundles by blocks, until neither
// splits the other.
#include <algorithm>
#include <numeric>

#include "policy/dfa.hpp"

namespace holdpoint::policy {
namespace {

using Index = std::uint32_t;

// A set 0..n-1 divided into parts; marked elements of a part can be split off in time of their number.
class Partition {
 public:
  explicit Partition(Index size) : elements_(size), where_(size), part_of_(size) {
    std::iota(elements_.begin(), elements_.end(), Index{0});
    std::iota(where_.begin(), where_.end(), Index{0});
    if (size > 0) {
      begin_ = {0};
      end_ = {size};
      marked_ = {0};
    }
  }

  [[nodiscard]] Index parts() const { return static_cast<Index>(begin_.size()); }
  [[nodiscard]] Index part_of(Index element) const { return part_of_[element]; }
  // Positions of a part's elements; valid until the next split().
  [[nodiscard]] Index begin(Index part) const { return begin_[part]; }
  [[nodiscard]] Index end(Index part) const { return end_[part]; }
  [[nodiscard]] Index at(Index position) const { return elements_[position]; }

  void mark(Index element) {
    const Index part = part_of_[element];
    const Index from = where_[element];
    const Index to = begin_[part] + marked_[part];
    if (from < to) return;  // marked already
    std::swap(elements_[from], elements_[to]);
    where_[elements_[from]] = from;
    where_[elements_[to]] = to;
    if (marked_[part]++ == 0) touched_.push_back(part);
  }

  // Each part with some but not all elements marked becomes two; the smaller gets the new number.
  void split() {
    for (const Index part : touched_) {
      const Index middle = begin_[part] + marked_[part];
      marked_[part] = 0;
      if (middle == end_[part]) continue;
      const bool front = middle - begin_[part] <= end_[part] - middle;
      const Index fresh = parts();
      begin_.push_back(front ? begin_[part] : middle);
      end_.push_back(front ? middle : end_[part]);
      marked_.push_back(0);
      (front ? begin_[part] : end_[part]) = middle;
      for (Index i = begin_[fresh]; i < end_[fresh]; ++i) part_of_[elements_[i]] = fresh;
    }
    touched_.clear();
  }

 private:
  std::vector<Index> elements_, where_, part_of_, begin_, end_, marked_, touched_;
};

struct Transitions {
  std::vector<Index> from, label, to;   // none into the dead state
  std::vector<Index> into_begin, into;  // transitions by target state
};

Transitions transitions_of(const Dfa& dfa) {
  Transitions out;
  for (Index state = 1; state < dfa.states(); ++state) {
    for (Index label = 0; label < dfa.classes; ++label) {
      const Index to = dfa.next[state * dfa.classes + label];
      if (to == 0) continue;
      out.from.push_back(state);
      out.label.push_back(label);
      out.to.push_back(to);
    }
  }
  out.into_begin.resize(dfa.states() + 1);
  for (const Index to : out.to) ++out.into_begin[to + 1];
  std::partial_sum(out.into_begin.begin(), out.into_begin.end(), out.into_begin.begin());
  out.into.resize(out.to.size());
  std::vector<Index> fill = out.into_begin;
  for (Index i = 0; i < out.to.size(); ++i) out.into[fill[out.to[i]]++] = i;
  return out;
}

// One part for each value of `key`.
void split_by(Partition& partition, const std::vector<Index>& key, Index keys) {
  std::vector<std::vector<Index>> members(keys);
  for (Index i = 0; i < key.size(); ++i) members[key[i]].push_back(i);
  for (const auto& group : members) {
    for (const Index element : group) partition.mark(element);
    partition.split();
  }
}

Partition equivalent_states(const Dfa& dfa) {
  const Transitions transitions = transitions_of(dfa);
  Partition blocks(dfa.states());
  std::vector<Index> looks = dfa.accept;
  looks[0] =
      static_cast<Index>(dfa.rule_sets.size());  // the dead state is alone, even where others accept nothing
  split_by(blocks, looks, looks[0] + 1);
  Partition bundles(static_cast<Index>(transitions.to.size()));
  split_by(bundles, transitions.label, dfa.classes);
  Index block = 1;
  for (Index bundle = 0; bundle < bundles.parts(); ++bundle) {
    for (Index i = bundles.begin(bundle); i < bundles.end(bundle); ++i)
      blocks.mark(transitions.from[bundles.at(i)]);
    blocks.split();
    for (; block < blocks.parts(); ++block) {
      for (Index i = blocks.begin(block); i < blocks.end(block); ++i) {
        const Index state = blocks.at(i);
        for (Index j = transitions.into_begin[state]; j < transitions.into_begin[state + 1]; ++j) {
          bundles.mark(transitions.into[j]);
        }
      }
      bundles.split();
    }
  }
  return blocks;
}

}  // namespace

Dfa minimize(const Dfa& dfa) {
  const Partition blocks = equivalent_states(dfa);
  Dfa out;
  out.classes = dfa.classes;
  out.class_of = dfa.class_of;
  out.rule_sets = dfa.rule_sets;
  std::vector<Index> number(blocks.parts(), kNoState);
  std::vector<Index> order;  // a state of each block, in the new numbering
  const auto number_of = [&](Index state) {
    Index& found = number[blocks.part_of(state)];
    if (found == kNoState) {
      found = static_cast<Index>(order.size());
      order.push_back(state);
    }
    return found;
  };
  number_of(0);
  out.start = number_of(dfa.start);
  for (std::size_t i = 0; i < order.size(); ++i) {
    out.accept.push_back(dfa.accept[order[i]]);
    for (Index label = 0; label < dfa.classes; ++label) {
      out.next.push_back(number_of(dfa.next[order[i] * dfa.classes + label]));
    }
  }
  return out;
}

}  // namespace holdpoint::policy
