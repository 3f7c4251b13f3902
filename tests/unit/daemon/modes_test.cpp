// SPDX-License-Identifier: Apache-2.0
// What operators said of modes, and how much of what is observed is told.
#include "daemon/modes.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "daemon/denials.hpp"
#include "unit/audit/builders.hpp"

namespace holdpoint::daemon {
namespace {

using audit::testing_values::at;

approval::ModeOverride mode_said(std::string agent, std::string rule, std::string mode) {
  return {std::move(agent), std::move(rule),       std::move(mode),
          at(1).wall,       {"unix", "0", "root"}, event::mask("why")};
}

Policies policies_of(const std::string& text) {
  auto checked = policy::check({{"p.yaml", text}}, {}).policy;
  if (!checked) throw std::runtime_error("no policy");
  Policies policies;
  policies.checked = std::move(*checked);
  for (std::uint32_t id = 0; id < policies.checked.agents.size(); ++id) {
    policies.agents.push_back(policy::agent_policy(policies.checked, id));
    policies.images.push_back(std::make_unique<hp_policy>());
  }
  return policies;
}

Policies two_agents() {
  return policies_of(R"(version: 1
agents: {coder: {default: ask}, other: {default: allow, mode: observe}}
rules:
  - {id: plain, on: read, path: /a, verdict: deny, reason: R}
  - {id: own, agents: [coder], on: any, path: /b, socket: /b, verdict: deny, reason: R, mode: observe}
)");
}

std::string text_of(const std::vector<api::ModeRow>& rows) {
  std::string out;
  for (const auto& row : rows)
    out += row.agent + " " + row.rule + " " + row.mode + "/" + row.written + (row.since ? " said" : "") +
           (row.known ? "" : " unknown") + "\n";
  return out;
}

TEST(Modes, TheNewestWordCountsAndAnEmptyOneTakesItBack) {
  Modes modes({mode_said("coder", "", "observe")});
  modes.put(mode_said("coder", "", "enforce"));
  modes.put(mode_said("coder", "plain", "observe"));
  EXPECT_EQ(modes.overrides(), (policy::ModeOverrides{{{"coder", ""}, policy::Mode::enforce},
                                                      {{"coder", "plain"}, policy::Mode::observe}}));
  modes.put(mode_said("coder", "plain", ""));
  EXPECT_EQ(modes.find("coder", "plain"), nullptr);
  EXPECT_EQ(modes.overrides().size(), 1U);
}

TEST(Modes, AWordThatIsNotKnownEnforces) {
  EXPECT_EQ(Modes({mode_said("coder", "", "later")}).overrides().begin()->second, policy::Mode::enforce);
}

TEST(Modes, OnlyRootMayMakeThingsLessStrict) {
  api::Caller member{.pid = 1, .uid = 1000, .gid = 1000, .principal = {}, .may_decide = true};
  EXPECT_TRUE(may_change_mode(member, "enforce"));
  for (const std::string mode : {"observe", "", "later"}) {
    const auto refused = may_change_mode(member, mode);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code, EPERM);
  }
  member.uid = 0;
  for (const std::string mode : {"observe", "", "enforce"})
    EXPECT_TRUE(may_change_mode(member, mode)) << mode;
}

TEST(Modes, TheTableHasAgentsAndRulesWithAModeOfTheirOwn) {
  auto policies = two_agents();
  Modes modes({mode_said("coder", "plain", "observe"), mode_said("gone", "", "observe")});
  policies.apply(modes.overrides(), 7);
  EXPECT_EQ(text_of(modes.rows(policies, "")),
            "coder  enforce/enforce\n"
            "coder plain observe/enforce said\n"
            "coder own observe/observe\n"
            "other  observe/observe\n"
            "gone  observe/ said unknown\n");
  EXPECT_EQ(policies.generation, 7U);
}

TEST(Modes, OfOneAgentTheTableHasAllRulesAndNoGuard) {
  auto policies = two_agents();
  Modes modes({mode_said("other", "", "enforce")});
  policies.apply(modes.overrides(), 7);
  EXPECT_EQ(text_of(modes.rows(policies, "other")),
            "other  enforce/observe said\n"
            "other plain enforce/observe\n"
            "other default:other enforce/observe\n");
  EXPECT_TRUE(modes.rows(policies, "nobody").empty());
}

audit::Entry observed_entry(const Denial& denial) {
  event::Event event{HP_EVENT_OBSERVED, {}};
  event.access.fixed.identity.session = denial.session;
  event.access.path = denial.key;
  audit::KernelView view;
  view.agent = denial.agent;
  view.verdict = "deny";
  view.access = event::mask(event.access, {}, {}, {});
  return audit::kernel_event(event, view);
}

class ObservationsTest : public ::testing::Test {
 protected:
  int observe(const std::string& key, int times, std::int64_t second) {
    const Denial denial{1, "coder", "deny secrets", key};
    int own = 0;
    for (int i = 0; i < times; ++i)
      own += observations.happened(denial, [&] { return observed_entry(denial); }, at(second).boot) ? 1 : 0;
    return own;
  }
  Denials observations = Denials::of_observed();
};

TEST_F(ObservationsTest, TheSameAccessIsToldOnceAndThenAsANumber) {
  EXPECT_EQ(observe("/secret", 100, 10), 1);
  EXPECT_EQ(observe("/secret", 100, 500), 0);
  EXPECT_EQ(observe("/other", 1, 500), 1);
  EXPECT_TRUE(observations.due(at(600).boot).empty());
  const auto told = observations.due(at(611).boot);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().observed().times(), 199U);
  EXPECT_EQ(told[0].record().observed().verdict(), "deny");
  EXPECT_EQ(told[0].record().observed().access().object().text(), "/secret");
  EXPECT_EQ(observations.counted(), 199U);
}

TEST_F(ObservationsTest, MoreDifferentOnesThanASessionMayWriteAreCountedByVerdictAndRule) {
  int own = 0;
  for (int i = 0; i < 1'500; ++i) own += observe("/secret" + std::to_string(i), 1, 10);
  EXPECT_EQ(own, 1'000);
  const auto told = observations.end_session(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().observed().times(), 500U);
  EXPECT_EQ(told[0].record().observed().verdict(), "deny");
  EXPECT_EQ(told[0].record().rule(), "secrets");
  EXPECT_FALSE(told[0].record().observed().has_access());
}

}  // namespace
}  // namespace holdpoint::daemon
