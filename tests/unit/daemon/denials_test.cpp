// SPDX-License-Identifier: Apache-2.0
// Ordinary denials have a record each; a loop of them has a bound.
#include "daemon/denials.hpp"

#include <gtest/gtest.h>

#include "unit/audit/builders.hpp"

namespace holdpoint::daemon {
namespace {

using audit::testing_values::at;

audit::Entry record_of(const Denial& denial) {
  event::Event event{HP_EVENT_DENIED, {}};
  event.access.fixed.identity.session = denial.session;
  event.access.fixed.identity.operations = 1U << HP_OP_READ;
  event.access.fixed.cause = HP_CAUSE_RULE;
  event.access.path = denial.key;
  audit::KernelView view;
  view.agent = denial.agent;
  view.access = event::mask(event.access, {}, {}, {});
  return audit::kernel_event(event, view);
}

class DenialsTest : public ::testing::Test {
 protected:
  // How many of `times` equal denials have a record of their own.
  std::uint64_t deny(const std::string& key, std::uint64_t times, std::int64_t second,
                     std::uint64_t session = 1) {
    const Denial denial{session, "coder", "rule", key};
    std::uint64_t own = 0;
    for (std::uint64_t i = 0; i < times; ++i)
      own += denials.happened(denial, [&] { return record_of(denial); }, at(second).boot) ? 1 : 0;
    return own;
  }

  Denials denials{{.equal = 100, .burst = 500, .per_minute = 60, .kinds = 1000}};
};

TEST_F(DenialsTest, AHundredEqualOnesAMinuteStandAlone) {
  for (std::int64_t minute = 1; minute < 6; ++minute) {
    EXPECT_EQ(deny("/etc/shadow", 50, minute * 60), 50U);
    EXPECT_TRUE(denials.due(at(minute * 60 + 59).boot).empty());
  }
  EXPECT_EQ(denials.counted(), 0U);
}

TEST_F(DenialsTest, MoreEqualOnesBecomeOneRecordAMinute) {
  EXPECT_EQ(deny("/etc/shadow", 1000, 100), 100U);
  EXPECT_EQ(deny("/etc/passwd", 1, 100), 1U) << "another one stands alone";
  EXPECT_TRUE(denials.due(at(159).boot).empty());
  auto told = denials.due(at(160).boot);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().denied().times(), 900U);
  EXPECT_EQ(told[0].record().denied().cause(), "rule");
  EXPECT_EQ(told[0].record().denied().access().object().text(), "/etc/shadow");
  EXPECT_EQ(deny("/etc/shadow", 1000, 161), 0U) << "the loop goes on";
  told = denials.due(at(220).boot);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().denied().times(), 1000U);
  EXPECT_TRUE(denials.due(at(280).boot).empty());
  EXPECT_EQ(deny("/etc/shadow", 5, 281), 5U) << "the loop was over";
  EXPECT_EQ(denials.counted(), 1900U);
}

TEST_F(DenialsTest, DifferentOnesOfASessionHaveABound) {
  std::uint64_t own = 0;
  for (int i = 0; i < 2000; ++i) own += deny("/file" + std::to_string(i), 1, 100);
  EXPECT_EQ(own, 500U);
  EXPECT_EQ(deny("/x", 1, 100, 2), 1U) << "another session has its own";
  const auto told = denials.due(at(160).boot);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().session(), 1U);
  EXPECT_EQ(told[0].record().denied().times(), 1500U);
  EXPECT_FALSE(told[0].record().denied().has_access());
  own = 0;
  for (int i = 0; i < 2000; ++i) own += deny("/file" + std::to_string(i), 1, 160);
  EXPECT_EQ(own, 60U) << "what a minute has given back";
}

TEST_F(DenialsTest, TheEndOfASessionTellsWhatWasCounted) {
  (void)deny("/etc/shadow", 150, 100);
  (void)deny("/etc/shadow", 150, 100, 2);
  const auto told = denials.end_session(1);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].record().denied().times(), 50U);
  EXPECT_TRUE(denials.end_session(1).empty()) << "once";
  ASSERT_EQ(denials.end().size(), 1U);
  EXPECT_TRUE(denials.due(at(500).boot).empty());
}

}  // namespace
}  // namespace holdpoint::daemon
