// SPDX-License-Identifier: Apache-2.0
#include "policy/nfa.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdpoint::policy {
namespace {

// Builds from the end to the front: each step returns the state from which the rest is read.
class Builder {
 public:
  Builder(Nfa& nfa, std::uint32_t rule, std::string text, Place place) : nfa_(nfa), rule_(rule) {
    pattern_ = static_cast<std::uint32_t>(nfa.patterns.size());
    nfa.patterns.push_back({rule, std::move(text), place});
  }

  std::uint32_t edge(ByteSet bytes, std::uint32_t next) {
    return add({bytes, next, {}, pattern_, false, false});
  }
  std::uint32_t fork(std::vector<std::uint32_t> to) {
    return add({{}, kNoState, std::move(to), pattern_, false, false});
  }
  std::uint32_t accept() {
    const auto [found, fresh] = nfa_.accept_of_rule.emplace(rule_, 0);
    if (fresh) found->second = add({{}, kNoState, {}, pattern_, true, false});
    return found->second;
  }
  std::uint32_t accept_forever() {
    const auto [found, fresh] = nfa_.forever_of_rule.emplace(rule_, 0);
    if (fresh) {
      found->second = add({ByteSet{}.set(), kNoState, {}, pattern_, true, true});
      nfa_.states[found->second].next = found->second;
    }
    return found->second;
  }
  std::uint32_t items(const Glob& glob, std::uint32_t rest) {
    for (auto item = glob.rbegin(); item != glob.rend(); ++item) rest = this->item(*item, rest);
    return rest;
  }

 private:
  std::uint32_t add(NfaState state) {
    nfa_.states.push_back(std::move(state));
    return static_cast<std::uint32_t>(nfa_.states.size() - 1);
  }
  // `bytes` any number of times, then `rest`.
  std::uint32_t loop(const ByteSet& bytes, std::uint32_t rest) {
    const std::uint32_t state = edge(bytes, kNoState);
    nfa_.states[state].next = state;
    nfa_.states[state].empty.push_back(rest);
    return state;
  }
  std::uint32_t item(const GlobItem& item, std::uint32_t rest) {
    switch (item.kind) {
      case GlobItem::Kind::one: return edge(item.bytes, rest);
      case GlobItem::Kind::many: return loop(item.bytes, rest);
      case GlobItem::Kind::components:
        return fork({rest, loop(ByteSet{}.set(), edge(ByteSet{}.set('/'), rest))});
      case GlobItem::Kind::below: return edge(ByteSet{}.set(), accept_forever());
      case GlobItem::Kind::alternatives: break;
    }
    std::vector<std::uint32_t> branches;
    for (const Glob& alternative : item.alternatives) branches.push_back(items(alternative, rest));
    return fork(std::move(branches));
  }

  Nfa& nfa_;
  std::uint32_t rule_;
  std::uint32_t pattern_;
};

ByteSet range(unsigned first, unsigned last) {
  ByteSet bytes;
  for (unsigned byte = first; byte <= last; ++byte) bytes.set(byte);
  return bytes;
}

// Two bytes, high first, of `first`..`last`: the partial block at each end, and the whole blocks between.
std::uint32_t port_range(Builder& builder, PortRange ports, std::uint32_t rest) {
  const unsigned high_first = ports.first >> 8;
  const unsigned high_last = ports.last >> 8;
  const unsigned low_first = ports.first & 0xffU;
  const unsigned low_last = ports.last & 0xffU;
  const auto block = [&](unsigned high_a, unsigned high_b, unsigned low_a, unsigned low_b) {
    return builder.edge(range(high_a, high_b), builder.edge(range(low_a, low_b), rest));
  };
  if (high_first == high_last) return block(high_first, high_first, low_first, low_last);
  std::vector<std::uint32_t> blocks = {block(high_first, high_first, low_first, 255),
                                       block(high_last, high_last, 0, low_last)};
  if (high_first + 1 < high_last) blocks.push_back(block(high_first + 1, high_last - 1, 0, 255));
  return builder.fork(std::move(blocks));
}

std::string destination_text(const Destination& destination) {
  std::string text = destination.text.empty() ? "any address" : destination.text;
  if (!destination.ports.empty()) text += fmt::format(", {} port ranges", destination.ports.size());
  return text;
}

}  // namespace

void add_pattern(Nfa& nfa, const Pattern& pattern, std::uint32_t rule) {
  if (pattern.glob.empty()) return;  // matches nothing
  Builder builder(nfa, rule, pattern.text, pattern.place);
  // "below" never uses what follows it, so the plain accepting state is made only where it is reached.
  const bool forever = pattern.glob.back().kind == GlobItem::Kind::below;
  nfa.starts.push_back(builder.items(pattern.glob, forever ? kNoState : builder.accept()));
}

void add_destination(Nfa& nfa, const Destination& destination, std::uint32_t rule) {
  Builder builder(nfa, rule, destination_text(destination), destination.place);
  const ByteSet protocol = destination.protocol == Protocol::any
                               ? ByteSet{}.set()
                               : ByteSet{}.set(static_cast<std::uint8_t>(destination.protocol));
  std::uint32_t rest = builder.edge(protocol, builder.accept());
  std::vector<std::uint32_t> ports;
  for (const PortRange& one : destination.ports) ports.push_back(port_range(builder, one, rest));
  if (ports.empty()) ports.push_back(port_range(builder, {0, 65535}, rest));
  rest = builder.fork(std::move(ports));
  for (unsigned i = 16; i-- > 0;) {
    const unsigned prefix = destination.cidr.prefix;
    const unsigned bits = prefix <= i * 8 ? 0 : std::min(8U, prefix - i * 8);
    const unsigned first = destination.cidr.address[i];
    rest = builder.edge(range(first, first + (0xffU >> bits)), rest);
  }
  nfa.starts.push_back(rest);
}

}  // namespace holdpoint::policy
