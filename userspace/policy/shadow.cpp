// SPDX-License-Identifier: Apache-2.0
// Rules that can never match, because one earlier rule takes everything they could. Only comparisons that are
// surely right: equal texts, "dir/**" over a literal path below dir, address prefixes, port ranges.
#include <fmt/format.h>

#include <algorithm>

#include "policy/check.hpp"

namespace holdpoint::policy {
namespace {

// Pairs compared at most: the search is a courtesy and must stay quick on hostile input. Beyond: no warning.
constexpr std::size_t kMaxPairs = 2'000'000;

bool covers(const Pattern& wide, const Pattern& narrow) {
  if (wide.text == narrow.text) return true;
  if (wide.glob.empty() || wide.glob.back().kind != GlobItem::Kind::below) return false;
  const std::string prefix = literal_prefix(wide.glob);  // "/dir/"
  if (prefix.size() + 1 != wide.glob.size()) return false;
  const std::string start = literal_prefix(narrow.glob);
  return start.starts_with(prefix) && start.size() > prefix.size();
}

bool covers(const Destination& wide, const Destination& narrow) {
  if (wide.protocol != Protocol::any && wide.protocol != narrow.protocol) return false;
  if (wide.cidr.prefix > narrow.cidr.prefix) return false;
  for (unsigned bit = 0; bit < wide.cidr.prefix; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((wide.cidr.address[bit / 8] & mask) != (narrow.cidr.address[bit / 8] & mask)) return false;
  }
  if (wide.ports.empty()) return true;
  const auto inside = [&](const PortRange& range) {
    return std::any_of(wide.ports.begin(), wide.ports.end(), [&](const PortRange& other) {
      return other.first <= range.first && range.last <= other.last;
    });
  };
  return !narrow.ports.empty() && std::all_of(narrow.ports.begin(), narrow.ports.end(), inside);
}

template <typename T>
bool all_covered(const std::vector<T>& wide, const std::vector<T>& narrow, std::size_t& budget) {
  const std::size_t pairs = wide.size() * narrow.size();
  if (pairs > budget) return false;
  budget -= pairs;
  return std::all_of(narrow.begin(), narrow.end(), [&](const T& one) {
    return std::any_of(wide.begin(), wide.end(), [&](const T& other) { return covers(other, one); });
  });
}

bool agents_covered(const Rule& earlier, const Rule& later, std::size_t& budget) {
  if (earlier.agents.empty()) return true;
  if (later.agents.empty() || earlier.agents.size() * later.agents.size() > budget) return false;
  budget -= earlier.agents.size() * later.agents.size();
  return std::all_of(later.agents.begin(), later.agents.end(), [&](const Name& name) {
    return std::any_of(earlier.agents.begin(), earlier.agents.end(),
                       [&](const Name& other) { return other.text == name.text; });
  });
}

bool takes_all(const Rule& earlier, const Rule& later, std::size_t& budget) {
  // Operations that the later rule has an object for; others never match anyway.
  std::uint32_t operations = 0;
  if (later.any_object() || !later.paths.empty()) operations |= kFileOperations;
  if (later.any_object() || !later.sockets.empty() || !later.destinations.empty())
    operations |= kNetworkOperations;
  operations &= later.operations;
  if ((earlier.operations & operations) != operations) return false;
  if (!agents_covered(earlier, later, budget)) return false;
  if (!earlier.executables.empty() &&
      (later.executables.empty() || !all_covered(earlier.executables, later.executables, budget))) {
    return false;
  }
  if (earlier.any_object()) return true;
  return !later.any_object() && all_covered(earlier.paths, later.paths, budget) &&
         all_covered(earlier.sockets, later.sockets, budget) &&
         all_covered(earlier.destinations, later.destinations, budget);
}

}  // namespace

void warn_shadowed(const Checked& policy, Diagnostics& out) {
  std::size_t budget = kMaxPairs;
  std::vector<const Rule*> before;
  for (const Rule& guard : policy.guards) before.push_back(&guard);
  for (const Rule& rule : policy.rules) {
    for (const Rule* earlier : before) {
      if (budget == 0) return;
      --budget;
      if (!takes_all(*earlier, rule, budget)) continue;
      out.warning(
          rule.place,
          fmt::format("rule '{}' can never match: '{}' ({}) takes everything it could", rule.id, earlier->id,
                      out.name(earlier->place)),
          earlier->place.line == 0 ? "built-in rules cannot be overridden" : "move it before that rule");
      break;
    }
    before.push_back(&rule);
  }
}

}  // namespace holdpoint::policy
