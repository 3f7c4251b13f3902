// SPDX-License-Identifier: Apache-2.0
// The reference matcher. It walks the set of positions that the items read so far can end at. It shares
// nothing with the automata but the items, so that the two can be tested against each other.
#include <algorithm>
#include <cstdint>

#include "policy/glob.hpp"

namespace holdpoint::policy {
namespace {

using Positions = std::vector<bool>;  // size: text + 1

Positions after_item(const GlobItem& item, std::string_view text, const Positions& before);

Positions after_items(const Glob& items, std::string_view text, Positions positions) {
  for (const GlobItem& item : items) {
    positions = after_item(item, text, positions);
    if (std::find(positions.begin(), positions.end(), true) == positions.end()) break;
  }
  return positions;
}

Positions after_item(const GlobItem& item, std::string_view text, const Positions& before) {
  const auto in_set = [&](std::size_t at) { return item.bytes.test(static_cast<std::uint8_t>(text[at])); };
  const std::size_t end = text.size();
  Positions after(end + 1);
  if (item.kind == GlobItem::Kind::alternatives) {
    for (const Glob& alternative : item.alternatives) {
      const Positions one = after_items(alternative, text, before);
      for (std::size_t at = 0; at <= end; ++at) after[at] = after[at] || one[at];
    }
    return after;
  }
  bool inside = false;  // a repeating item started at or before this position
  for (std::size_t at = 0; at <= end; ++at) {
    switch (item.kind) {
      case GlobItem::Kind::one:
        if (before[at] && at < end && in_set(at)) after[at + 1] = true;
        break;
      case GlobItem::Kind::many:
        inside = before[at] || inside;
        after[at] = inside;
        inside = inside && at < end && in_set(at);
        break;
      case GlobItem::Kind::components:
        after[at] = before[at] || (inside && text[at - 1] == '/');
        inside = inside || before[at];
        break;
      case GlobItem::Kind::below: after[end] = after[end] || (before[at] && at < end); break;
      case GlobItem::Kind::alternatives: break;
    }
  }
  return after;
}

}  // namespace

bool glob_matches(const Glob& glob, std::string_view text) {
  Positions start(text.size() + 1);
  start[0] = true;
  return after_items(glob, text, std::move(start)).back();
}

}  // namespace holdpoint::policy
