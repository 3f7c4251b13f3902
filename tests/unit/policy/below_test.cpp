// SPDX-License-Identifier: Apache-2.0
// What moving a directory is an access to: the compiled tables, read as the kernel reads them.
#include "policy/below.hpp"

#include <string_view>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

class Tables {
 public:
  explicit Tables(std::string_view rules) : evaluator_(with_rules(rules)), image_(evaluator_.image()) {}

  // State behind the slash of a directory.
  std::uint32_t inside(std::string_view directory) const {
    std::uint32_t state = object().start;
    for (const char byte : directory) state = step(state, byte);
    return step(state, '/');
  }
  // Rules that could decide `operation` about something below, by id.
  std::string below(std::string_view directory, hp_operation operation) const {
    std::uint32_t state = object().start;
    for (const char byte : directory) state = step(state, byte);
    const hp_set& set = image_.sets[image_.below[object().accept_base + state]];
    std::string ids;
    for (std::uint32_t rule = 0; rule < image_.rule_count; ++rule) {
      const auto has = [&](const hp_set& one) { return (one.words[rule / 64] >> (rule % 64) & 1) != 0; };
      if (has(set) && has(image_.operations[operation])) ids += evaluator_.policy().rules[rule].id + " ";
    }
    return ids;
  }
  std::uint32_t elsewhere() const { return image_.elsewhere; }

 private:
  const hp_automaton& object() const { return image_.automata[HP_AUTOMATON_OBJECT]; }
  std::uint32_t step(std::uint32_t state, char byte) const {
    const auto column = object().class_of[static_cast<unsigned char>(byte)];
    return image_.next[object().next_base + state * object().classes + column];
  }

  Evaluator evaluator_;
  const hp_policy& image_;
};

constexpr std::string_view kRules = R"(
  - {id: keys, on: read, path: "/home/*/.ssh/**", verdict: ask, reason: R}
  - {id: hooks, on: change, path: "/**/.git/hooks/*", verdict: ask, reason: R}
  - {id: etc, on: change, path: "/etc/**", executable: /usr/bin/apt, verdict: deny, reason: R}
  - {id: etc-all, on: change, path: "/etc/**", verdict: ask, reason: R}
  - {id: never, on: create, path: "/etc/x", verdict: deny, reason: R}
)";

TEST(Below, NamesWhatCouldDecideUnderADirectoryAndNothingElse) {
  const Tables tables(kRules);
  EXPECT_EQ(tables.below("/home/u/.ssh", HP_OP_READ), "keys default:a ");
  EXPECT_EQ(tables.below("/home/u", HP_OP_READ), "keys default:a ");
  EXPECT_EQ(tables.below("/home", HP_OP_READ), "keys default:a ");
  EXPECT_EQ(tables.below("/home/u/work", HP_OP_READ), "default:a ");
  EXPECT_EQ(tables.below("/home/u/.ssh", HP_OP_CREATE), "hooks default:a ");
}

TEST(Below, ARuleBehindOneThatAlwaysDecidesIsNotMeant) {
  const Tables tables(kRules);
  EXPECT_EQ(tables.below("/etc/ssh", HP_OP_CREATE), "hooks etc etc-all default:a ")
      << "the rule for one program is passed over by the others; the default decides about reading";
}

TEST(Below, PlacesThatTheRulesDoNotTellApartAreOneState) {
  const Tables tables(kRules);
  EXPECT_EQ(tables.inside("/home/u/a"), tables.inside("/srv/b/c"));
  EXPECT_EQ(tables.inside("/home/u/a"), tables.elsewhere());
  EXPECT_NE(tables.inside("/home/u/.ssh"), tables.inside("/srv/b"));
  EXPECT_NE(tables.inside("/home/u"), tables.elsewhere()) << "a link there could stand before .ssh";
  EXPECT_NE(tables.inside("/srv/b/.git"), tables.elsewhere());
  EXPECT_EQ(tables.inside("/srv/b/.git/hooks"), tables.inside("/home/u/x/.git/hooks"));
}

TEST(Below, WithoutRulesForFilesNoPlaceIsDifferent) {
  const Tables tables("  - {id: n, on: connect, verdict: ask, reason: R}\n");
  EXPECT_EQ(tables.inside("/home/u"), tables.elsewhere());
  EXPECT_EQ(tables.below("/home/u", HP_OP_READ), "default:a ");
}

}  // namespace
}  // namespace holdpoint::policy
