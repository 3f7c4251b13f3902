// SPDX-License-Identifier: Apache-2.0
// What is only observed, in reference and tables (Evaluator).
#include "policy/mode.hpp"

#include <cstring>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

const std::string kModeRules = R"(rules:
  - {id: own, agents: [a], on: read, path: /own, verdict: deny, reason: R, mode: enforce}
  - {id: of-agent, on: read, path: /agent, verdict: deny, reason: R}
  - {id: asked, on: write, path: /agent, verdict: ask, reason: R}
  - {id: shadowed, on: read, path: /agent, verdict: allow}
)";
std::string observed_agent() {
  return "version: 1\nagents:\n  a: {default: ask, mode: observe}\n  b: {default: deny}\n" + kModeRules;
}

Mode mode_of_rule(const Checked& checked, const std::string& id, const ModeOverrides& overrides = {}) {
  for (const Rule& rule : agent_policy(checked, 0, overrides).rules)
    if (rule.id == id) return rule.mode.value_or(Mode::enforce);
  ADD_FAILURE() << "no rule " << id;
  return Mode::enforce;
}

TEST(Mode, IsEnforceWhereNothingIsSaid) {
  const auto checked = must_check(with_rules("  - {id: r, on: read, path: /x, verdict: deny, reason: R}\n"));
  EXPECT_EQ(mode_of_rule(checked, "r"), Mode::enforce);
  EXPECT_EQ(mode_of_rule(checked, "default:a"), Mode::enforce);
}

TEST(Mode, OfARuleWinsOverItsAgents) {
  const auto checked = must_check(observed_agent());
  EXPECT_EQ(mode_of_rule(checked, "own"), Mode::enforce);
  EXPECT_EQ(mode_of_rule(checked, "of-agent"), Mode::observe);
  EXPECT_EQ(mode_of_rule(checked, "default:a"), Mode::observe);
}

TEST(Mode, OfTheGuardIsAlwaysEnforced) {
  const auto checked = must_check(observed_agent());
  for (const Rule& rule : agent_policy(checked, 0, {{{"a", "guard:kernel"}, Mode::observe}}).rules) {
    if (is_guard(rule)) {
      EXPECT_EQ(rule.mode, Mode::enforce) << rule.id;
    }
  }
}

TEST(Mode, AnOverrideStandsInThePlaceOfWhatTheFilesSayOfTheSame) {
  const auto checked = must_check(observed_agent());
  EXPECT_EQ(mode_of_rule(checked, "of-agent", {{{"a", ""}, Mode::enforce}}), Mode::enforce);
  EXPECT_EQ(mode_of_rule(checked, "own", {{{"a", ""}, Mode::observe}}), Mode::enforce) << "its own word wins";
  EXPECT_EQ(mode_of_rule(checked, "own", {{{"a", "own"}, Mode::observe}}), Mode::observe);
  EXPECT_EQ(
      mode_of_rule(checked, "of-agent", {{{"a", ""}, Mode::observe}, {{"a", "of-agent"}, Mode::enforce}}),
      Mode::enforce);
  EXPECT_EQ(mode_of_rule(checked, "of-agent", {{{"b", ""}, Mode::enforce}}), Mode::observe)
      << "of another agent";
}

TEST(Mode, WrongWordsAreErrorsWithTheirPlace) {
  EXPECT_EQ(all_text(check_text("version: 1\nagents:\n  a: {default: allow, mode: watch}\n")),
            "p.yaml:3:29: error: mode: expected enforce or observe, found 'watch'\n");
  EXPECT_EQ(
      all_text(check_text(with_rules("  - {id: r, on: read, path: /x, verdict: allow, mode: observ}\n"))),
      "p.yaml:5:55: error: mode: expected enforce or observe, found 'observ' [did you mean 'observe'?]\n");
  EXPECT_EQ(
      all_text(check_text(with_rules("  - {id: r, on: read, path: /x, verdict: allow, mode: [observe]}\n"))),
      "p.yaml:5:55: error: mode: expected enforce or observe, found a list\n");
}

TEST(Mode, AnObservedRuleEndsTheSearchAndLetsPass) {
  const Evaluator evaluator(observed_agent());
  const Outcome outcome = evaluator(read_of("/agent"));
  EXPECT_EQ(outcome.id, "of-agent");
  EXPECT_EQ(outcome.verdict, HP_DENY);
  EXPECT_EQ(outcome.effective(), HP_ALLOW);
  const hp_rule& rule = evaluator.image().rules[outcome.rule];
  EXPECT_EQ(rule.verdict, HP_ALLOW);
  EXPECT_EQ(rule.flags, HP_RULE_LOG | HP_RULE_OBSERVED);
  EXPECT_EQ(evaluator(read_of("/elsewhere")).id, "default:a");
  EXPECT_EQ(evaluator(read_of("/elsewhere")).effective(), HP_ALLOW);
}

TEST(Mode, AnEnforcedRuleIsNotHiddenByAStricterObservedOne) {
  const Evaluator evaluator(R"(version: 1
agents: {a: {default: allow}}
rules:
  - {id: seen, on: read, path: /x, verdict: deny, reason: R, mode: observe}
  - {id: done, on: write, path: /x, verdict: ask, reason: R}
  - {id: free, on: write, path: /y, verdict: allow}
  - {id: seen2, on: read, path: /y, verdict: ask, reason: R, mode: observe}
  - {id: seen3, on: write, path: /z, verdict: ask, reason: R, mode: observe}
  - {id: seen4, on: read, path: /z, verdict: deny, reason: R, mode: observe}
)");
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/x")).id, "done");
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/x")).effective(), HP_ASK);
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/y")).id, "seen2")
      << "what is told comes before what is simply allowed";
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/z")).id, "seen4");
}

TEST(Mode, OnlyWhoIsObservedOrMayByThePolicyMakesUserNamespaces) {
  const auto may = [](const std::string& agent, const ModeOverrides& overrides = {}) {
    const auto checked = must_check("version: 1\nagents: {a: {default: allow" + agent + "}}\n");
    const auto policy = agent_policy(checked, 0, overrides);
    auto image = compile(policy, checked.files, 1);
    EXPECT_TRUE(image);
    const bool compiled = image && (*image)->user_namespaces != 0;
    if (image) apply_modes(**image, policy, 2);
    EXPECT_EQ(image && (*image)->user_namespaces != 0, compiled);
    return compiled;
  };
  EXPECT_FALSE(may(""));
  EXPECT_FALSE(may(", user_namespaces: deny"));
  EXPECT_TRUE(may(", user_namespaces: allow"));
  EXPECT_TRUE(may(", mode: observe"));
  EXPECT_FALSE(may(", mode: observe", {{{"a", ""}, Mode::enforce}}));
  EXPECT_TRUE(may("", {{{"a", ""}, Mode::observe}}));
  EXPECT_EQ(all_text(check_text("version: 1\nagents:\n  a: {default: allow, user_namespaces: ask}\n")),
            "p.yaml:3:40: error: user_namespaces: expected allow or deny, found 'ask'\n");
}

TEST(Mode, AnAllowThatIsObservedIsNotTold) {
  const Evaluator evaluator("version: 1\nagents: {a: {default: allow, mode: observe}}\n");
  EXPECT_EQ(evaluator.image().rules[evaluator(read_of("/x")).rule].flags, HP_RULE_OBSERVED);
}

TEST(Mode, WhatIsObservedIsAmongWhatIsBelow) {
  const Evaluator evaluator(observed_agent());
  const auto number = evaluator(read_of("/agent")).rule;
  const auto has = [&](const hp_set& set) { return (set.words[number / 64] >> (number % 64) & 1) != 0; };
  EXPECT_TRUE(has(evaluator.image().observing));
  EXPECT_FALSE(has(evaluator.image().denying));
}

TEST(Mode, ASwitchGivesTheImageThatCompilingWould) {
  const auto checked = must_check(observed_agent());
  const ModeOverrides overrides{{{"a", ""}, Mode::enforce}, {{"a", "own"}, Mode::observe}};
  const auto switched = agent_policy(checked, 0, overrides);
  auto image = compile(agent_policy(checked, 0), checked.files, 1);
  const auto compiled = compile(switched, checked.files, 2);
  ASSERT_TRUE(image && compiled);
  EXPECT_NE(std::memcmp(image->get(), compiled->get(), sizeof(hp_policy)), 0);
  apply_modes(**image, switched, 2);
  EXPECT_EQ(std::memcmp(image->get(), compiled->get(), sizeof(hp_policy)), 0);
}

TEST(Mode, IsPartOfTheDigest) {
  const std::string head = "version: 1\nagents: {a: {default: allow";
  const std::string rule = "rules: [{id: r, on: read, path: /x, verdict: allow";
  const auto digest = [](const std::string& text) { return must_check(text).digest; };
  EXPECT_NE(digest(head + "}}\n"), digest(head + ", mode: observe}}\n"));
  EXPECT_NE(digest(head + "}}\n" + rule + "}]\n"), digest(head + "}}\n" + rule + ", mode: enforce}]\n"));
}

}  // namespace
}  // namespace holdpoint::policy
