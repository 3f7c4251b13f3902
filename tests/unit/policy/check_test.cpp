// SPDX-License-Identifier: Apache-2.0
#include "policy/check.hpp"

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

constexpr const char* kRule = "version: 1\nrules:\n  - {id: %, on: read, path: /x, verdict: allow}\n";

SourceText file_with_rule(std::string name, const std::string& id) {
  std::string text = kRule;
  text.replace(text.find('%'), 1, id);
  return {std::move(name), std::move(text)};
}

TEST(Check, FilesComeInNaturalOrderOfTheirNames) {
  const auto result = check({file_with_rule("d/100-c.yaml", "c"),
                             file_with_rule("d/9-a.yaml", "a"),
                             {"d/0-agents.yaml", std::string(kAgent)},
                             file_with_rule("d/10-b.yaml", "b")},
                            GuardPaths{});
  ASSERT_TRUE(result.policy.has_value()) << all_text(result);
  ASSERT_EQ(result.policy->rules.size(), 3U);
  EXPECT_EQ(result.policy->rules[0].id, "a");
  EXPECT_EQ(result.policy->rules[1].id, "b");
  EXPECT_EQ(result.policy->rules[2].id, "c");
}

TEST(Check, RuleIdsAreUniqueOverAllFiles) {
  const auto result =
      check({{"0.yaml", std::string(kAgent)}, file_with_rule("1.yaml", "x"), file_with_rule("2.yaml", "x")},
            GuardPaths{});
  EXPECT_FALSE(result.policy.has_value());
  EXPECT_EQ(all_text(result),
            "2.yaml:3:10: error: rule id 'x' is used twice; the first is at 1.yaml:3:10 [records name rules "
            "by id: give "
            "one of them another]\n");
}

TEST(Check, AgentsMergeOverFilesAndAreDeclaredOnce) {
  const std::string b = "version: 1\nagents:\n  b: {default: deny}\n";
  const auto good = check({{"1.yaml", std::string(kAgent)}, {"2.yaml", b}}, GuardPaths{});
  ASSERT_TRUE(good.policy.has_value());
  EXPECT_EQ(find_agent(*good.policy, "a"), 0U);
  EXPECT_EQ(find_agent(*good.policy, "b"), 1U);
  EXPECT_EQ(find_agent(*good.policy, "c"), std::nullopt);
  const auto twice = check({{"1.yaml", std::string(kAgent)}, {"2.yaml", std::string(kAgent)}}, GuardPaths{});
  EXPECT_EQ(all_text(twice),
            "2.yaml:3:3: error: agent 'a' is declared twice; the first is at 1.yaml:3:3 [an agent is "
            "declared in one file; "
            "its rules may stand in many]\n");
}

TEST(Check, MoreAgentsThanTheKernelHoldsAreRefused) {
  std::string text = "version: 1\nagents:\n";
  for (int i = 0; i < HP_MAX_AGENTS; ++i) text += "  a" + std::to_string(i) + ": {default: deny}\n";
  EXPECT_TRUE(check_text(text).policy.has_value());
  const auto result = check_text(text + "  more: {default: deny}\n");
  EXPECT_EQ(all_text(result),
            "p.yaml:67:3: error: 65 agents are declared, at most 64 are possible [let agents with the same "
            "rules share one "
            "declaration]\n");
}

TEST(Check, APolicyWithoutAgentsIsToldOf) {
  const auto result = check({}, GuardPaths{});
  EXPECT_TRUE(result.policy.has_value());
  EXPECT_EQ(
      all_text(result),
      "built-in:0:0: warning: no agent is declared: nothing is watched [add 'agents:' to a policy file]\n");
}

TEST(Check, DigestFollowsTheMeaningNotTheLayout) {
  const std::string rules = "  - {id: r, on: read, path: /x, verdict: allow}\n";
  const std::string spread =
      "  # comment\n  - id: r\n    verdict: allow\n    path: ['/x']\n    on:\n      - read\n";
  const Checked one = must_check(with_rules(rules));
  EXPECT_EQ(one.digest.size(), 64U);
  EXPECT_EQ(one.digest, must_check(with_rules(spread)).digest);
  for (const char* other : {"  - {id: s, on: read, path: /x, verdict: allow}\n",
                            "  - {id: r, on: write, path: /x, verdict: allow}\n",
                            "  - {id: r, on: read, path: /y, verdict: allow}\n",
                            "  - {id: r, on: read, executable: /x, verdict: allow}\n",
                            "  - {id: r, on: read, path: /x, verdict: allow, log: true}\n",
                            "  - {id: r, on: read, path: /x, verdict: deny, reason: R}\n"}) {
    EXPECT_NE(one.digest, must_check(with_rules(other)).digest) << other;
  }
  const std::string agent = "version: 1\nagents: {a: {default: allow";
  EXPECT_NE(must_check(agent + "}}\n").digest, must_check(agent + ", user_namespaces: allow}}\n").digest);
  EXPECT_NE(check({{"p", with_rules(rules)}}, GuardPaths{.state_directory = "/srv"}).policy->digest,
            one.digest);
}

struct Shadow {
  const char* earlier;
  const char* later;
  bool warned;
};

TEST(Check, OnlyRulesThatCanSurelyNeverMatchAreWarnedOf) {
  const Shadow cases[] = {
      {"on: read, path: /a/**", "on: read, path: /a/b", true},
      {"on: read, path: /a/**", "on: read, path: /a/b*", true},
      {"on: read, path: /a/**", "on: read, path: /a", false},
      {"on: read, path: /a/**", "on: read, path: /ab", false},
      {"on: read, path: /a/**", "on: read, path: '/{a,b}/c'", false},
      {"on: read, path: /a/**", "on: read, path: [/a/b, /c]", false},
      {"on: read, path: /a/**", "on: [read, write], path: /a/b", false},
      {"on: any, path: /a/**", "on: read, path: /a/b", true},
      {"on: any, path: /a/**", "on: any, path: /a/b", true},
      {"on: any, path: /a/**", "on: any, path: /a/b, socket: /a/b", false},
      {"on: any", "on: connect, to: [{port: 1}]", true},
      {"on: read", "on: read", true},
      {"on: read, path: '/*'", "on: read, path: '/*'", true},
      {"on: read, path: /a, executable: /x", "on: read, path: /a", false},
      {"on: read, path: /a, executable: /x", "on: read, path: /a, executable: /x", true},
      {"on: read, path: /a, agents: a", "on: read, path: /a", false},
      {"on: connect, to: [{cidr: 10.0.0.0/8}]", "on: connect, to: [{cidr: 10.1.0.0/16, port: 80}]", true},
      {"on: connect, to: [{cidr: 10.0.0.0/8, port: 80}]", "on: connect, to: [{cidr: 10.1.0.0/16}]", false},
      {"on: connect, to: [{port: 80-90}]", "on: connect, to: [{port: 81, protocol: tcp}]", true},
      {"on: connect, to: [{port: 80, protocol: tcp}]", "on: connect, to: [{port: 80}]", false},
  };
  for (const Shadow& one : cases) {
    const auto result = check_text(with_rules(std::string("  - {id: e, verdict: allow, ") + one.earlier +
                                              "}\n  - {id: l, verdict: allow, " + one.later + "}\n"));
    EXPECT_TRUE(result.policy.has_value()) << all_text(result);
    EXPECT_EQ(all_text(result).find("can never match: 'e'") != std::string::npos, one.warned)
        << one.earlier << " | " << one.later << "\n"
        << all_text(result);
  }
}

TEST(Check, ARuleBehindAGuardIsToldThatItCannotMatch) {
  const auto result =
      check_text(with_rules("  - {id: r, on: write, path: /sys/fs/cgroup/x, verdict: allow}\n"));
  EXPECT_TRUE(result.policy.has_value());
  EXPECT_EQ(
      all_text(result),
      "p.yaml:5:10: warning: rule 'r' can never match: 'guard:kernel' (built-in) takes everything it could "
      "[built-in rules cannot be overridden]\n");
}

TEST(Check, APatternThatEndsInSlashIsWarnedOf) {
  const auto result = check_text(with_rules("  - {id: r, on: read, path: /x/, verdict: allow}\n"));
  EXPECT_TRUE(result.policy.has_value());
  EXPECT_EQ(all_text(result).substr(0, 66),
            "p.yaml:5:29: warning: path: '/x/' ends in '/' and never matches [w");
}

}  // namespace
}  // namespace holdpoint::policy
