// SPDX-License-Identifier: Apache-2.0
// Which rule a number of the kernel's means, over readings of the policy files; and how generations are counted.
#include "daemon/policies.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "daemon/publish.hpp"

namespace holdpoint::daemon {
namespace {

// In force from `generation` on; its one rule that is no guard is called as it.
Policies policies_of(std::uint32_t generation) {
  const auto text = fmt::format(
      "version: 1\nagents: {{a: {{default: ask}}}}\nrules: [{{id: of-{}, on: read, verdict: allow}}]\n",
      generation);
  auto checked = policy::check({{"p.yaml", text}}, {}).policy;
  if (!checked) throw std::runtime_error("no policy");
  Policies policies;
  policies.checked = std::move(*checked);
  policies.agents.push_back(policy::agent_policy(policies.checked, 0));
  policies.generation = generation;
  return policies;
}

std::string rule_of(const Policies& policies, std::uint32_t decided_in) {
  const auto number = static_cast<std::uint32_t>(policies.agents[0].rules.size() - 2);  // before the default
  return policies.outcome(0, number, decided_in).id;
}

TEST(Policies, ARuleIsThatOfThePolicyThatDecided) {
  auto policies = policies_of(10);
  for (const std::uint32_t generation : {20, 30}) {
    auto next = policies_of(generation);
    next.succeed(policies);
    policies = std::move(next);
  }
  EXPECT_EQ(rule_of(policies, 5), "of-10") << "of a former daemon: as its files are";
  EXPECT_EQ(rule_of(policies, 19), "of-10") << "a mode was set meanwhile, which changes no rule";
  EXPECT_EQ(rule_of(policies, 20), "of-20");
  EXPECT_EQ(rule_of(policies, 29), "of-20");
  EXPECT_EQ(rule_of(policies, 30), "of-30");
  EXPECT_EQ(rule_of(policies, 31), "of-30");
}

TEST(Policies, TheFormerOneComesAgainAfterOneThatWasPublishedInPart) {
  auto former = policies_of(10);
  auto failed = policies_of(20);
  failed.succeed(former);
  former.generation = 21;
  former.succeed(failed);
  EXPECT_EQ(rule_of(former, 10), "of-10");
  EXPECT_EQ(rule_of(former, 20), "of-20");
  EXPECT_EQ(rule_of(former, 21), "of-10");
}

TEST(Policies, OfTheNinthLastPolicyNoRuleIsMadeUp) {
  auto policies = policies_of(1);
  for (std::uint32_t generation = 2; generation <= 10; ++generation) {
    auto next = policies_of(generation);
    next.succeed(policies);
    policies = std::move(next);
  }
  EXPECT_EQ(policies.former.size(), kMostFormerRules);
  EXPECT_EQ(rule_of(policies, 2), "of-2");
  EXPECT_EQ(rule_of(policies, 1), "unknown");
  EXPECT_EQ(policies.outcome(0, 0, 1).verdict, HP_DENY);
  EXPECT_GT(policies.outcome(0, 0, 1).timeout.count(), 0);
}

TEST(Generation, NeverFallsNorRepeats) {
  const auto at = [](std::int64_t second) { return Now{WallTime(std::chrono::seconds(second)), {}}; };
  EXPECT_EQ(next_generation(0, at(1'000)), 1'000U);
  EXPECT_EQ(next_generation(1'000, at(1'000)), 1'001U);
  EXPECT_EQ(next_generation(1'050, at(1'002)), 1'051U) << "many within a second, then a start";
  EXPECT_EQ(next_generation(1'050, at(900)), 1'051U) << "the clock was set back";
}

}  // namespace
}  // namespace holdpoint::daemon
