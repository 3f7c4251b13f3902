// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(AskAgain, AHoldWhoseContentChangedGetsAQuestionOfItsOwnAndTheOldOneIsSuperseded) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5, .digest = "old"}), at(0));
  const Steps steps = ledger.ask_again(make_hold({.id = 5, .digest = "new"}), at(1));
  EXPECT_TRUE(in_safe_order(steps));
  EXPECT_THAT(answers(steps), IsEmpty()) << "it goes on waiting";
  EXPECT_THAT(of_kind<Park>(steps), SizeIs(1));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::superseded);
  EXPECT_EQ(ledger.request_of_hold(5)->id, "r-2");
  EXPECT_EQ(ledger.request("r-2")->digest, "new");
  EXPECT_FALSE(ledger.decide("r-1", approve(), at(2)));
  const auto decided = ledger.decide("r-2", approve(), at(2));
  ASSERT_TRUE(decided);
  EXPECT_THAT(answers(*decided), ElementsAre(std::tuple(5, true, "approved")));
}

TEST(AskAgain, OthersThatWaitInTheOldQuestionStayThere) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5, .digest = "old"}), at(0));
  (void)ledger.hold(make_hold({.id = 6, .digest = "old"}), at(0));
  (void)ledger.ask_again(make_hold({.id = 5, .digest = "new"}), at(1));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  const auto decided = ledger.decide("r-1", approve(), at(2));
  ASSERT_TRUE(decided);
  EXPECT_THAT(answers(*decided), ElementsAre(std::tuple(6, true, "approved")));
}

TEST(AskAgain, WhatTheOldQuestionWasAnsweredDoesNotCount) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5, .digest = "old"}), at(0));
  (void)ledger.decide("r-1", approve(), at(1));
  const Steps steps = ledger.ask_again(make_hold({.id = 5, .digest = "new"}), at(2));
  EXPECT_THAT(answers(steps), IsEmpty());
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::approved);
  EXPECT_EQ(ledger.request_of_hold(5)->id, "r-2");
  EXPECT_EQ(ledger.request("r-2")->state, RequestState::open);
}

TEST(AskAgain, WhenItCannotBeSavedEverythingIsAsBefore) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5, .digest = "old"}), at(0));
  (void)ledger.ask_again(make_hold({.id = 5, .digest = "new"}), at(1));
  ledger.undo();
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  EXPECT_EQ(ledger.request("r-2"), nullptr);
  ASSERT_NE(ledger.request_of_hold(5), nullptr);
  EXPECT_EQ(ledger.request_of_hold(5)->id, "r-1");
}

TEST(AskAgain, AnUnknownHoldIsAFirstQuestion) {
  Ledger ledger({});
  (void)ledger.ask_again(make_hold({.id = 5}), at(0));
  EXPECT_EQ(ledger.request_of_hold(5)->id, "r-1");
}

}  // namespace
}  // namespace holdpoint::approval::test
