// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Ending : ::testing::Test {
  Ledger ledger{Ledger::Counters{}};
};

TEST_F(Ending, ATimeOutRefusesWithWordsOfItsOwn) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  EXPECT_THAT(ledger.expire(at(15 * 60 - 1)), IsEmpty());
  const Steps steps = ledger.expire(at(15 * 60));
  EXPECT_TRUE(in_safe_order(steps));
  EXPECT_THAT(note_kinds(steps), ElementsAre("expiry"));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "expired")));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::expired);
  EXPECT_EQ(ledger.request("r-1")->outcome, "nobody answered within 15m");
  EXPECT_FALSE(ledger.request("r-1")->decision);
  EXPECT_THAT(ledger.expire(at(15 * 60)), IsEmpty());
}

TEST_F(Ending, ATerminatingSignalEndsTheHoldWithARefusal) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  const Steps steps = ledger.end_hold(1, "SIGTERM", true, at(1));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "cancelled")));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::cancelled);
  EXPECT_EQ(ledger.request("r-1")->outcome, "cancelled: SIGTERM");
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 1}), at(2))),
              ElementsAre(std::tuple(1, false, "cancelled")));
}

TEST_F(Ending, TheDeathByTheSignalThatCancelledIsNotRecordedTwice) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.end_hold(1, "SIGINT", true, at(1));
  const Steps steps = ledger.end_hold(1, "the process ended", false, at(1));
  EXPECT_THAT(note_kinds(steps), IsEmpty());
  EXPECT_EQ(ledger.request("r-1")->holds[0].state, HoldState::ended);
}

TEST_F(Ending, AnApprovalThatCannotBeCarriedOutIsRefusedInsteadAndRecorded) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  EXPECT_THAT(ledger.withhold(1, "no room"), IsEmpty()) << "nobody has answered yet";
  (void)ledger.decide("r-1", approve(), at(1));
  const Steps steps = ledger.withhold(1, "no room");
  EXPECT_TRUE(in_safe_order(steps));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "withheld")));
  ASSERT_THAT(note_kinds(steps), ElementsAre("cancellation"));
  EXPECT_THAT(of_kind<Note>(steps)[0].detail, HasSubstr("no room"));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::approved) << "that is what was said";
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 1}), at(2))),
              ElementsAre(std::tuple(1, false, "withheld")))
      << "seen again: the refusal again, never the approval";
  EXPECT_THAT(ledger.withhold(1, "no room"), IsEmpty());
  EXPECT_EQ(of_kind<Note>(ledger.consumed(1, false, at(3))).at(0).detail, "refused");
}

TEST_F(Ending, WhatAGrantAnsweredAndCannotBeCarriedOutIsRefusedAsWell) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.decide("r-1", approve(Scope::session), at(1));
  ASSERT_THAT(answers(ledger.hold(make_hold({.id = 2, .since = 2}), at(2))),
              ElementsAre(std::tuple(2, true, "granted")));
  const Steps steps = ledger.withhold(2, "no room");
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(2, false, "withheld")));
  EXPECT_THAT(note_kinds(steps), ElementsAre("denial"));
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2, .since = 2}), at(3))),
              ElementsAre(std::tuple(2, false, "withheld")));
}

TEST_F(Ending, AThreadThatDiedGetsNoAnswer) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  const Steps steps = ledger.end_hold(1, "exit", false, at(1));
  EXPECT_THAT(answers(steps), IsEmpty());
  EXPECT_THAT(note_kinds(steps), ElementsAre("cancellation"));
  EXPECT_EQ(ledger.request("r-1")->holds[0].ended_how, "exit");
  EXPECT_THAT(ledger.end_hold(1, "exit", false, at(2)), IsEmpty());
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 1}), at(3))),
              ElementsAre(std::tuple(1, false, "cancelled")))
      << "thought dead and seen again: let go with a refusal";
}

TEST_F(Ending, OnlyTheLastHoldEndsTheRequest) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.hold(make_hold({.id = 2}), at(0));
  (void)ledger.end_hold(1, "exit", false, at(1));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  const auto steps = ledger.decide("r-1", approve(), at(2));
  ASSERT_TRUE(steps);
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(2, true, "approved")));
}

TEST_F(Ending, AnAnsweredHoldThatDiesIsNotAnsweredAgain) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  EXPECT_THAT(ledger.end_hold(1, "SIGTERM", true, at(2)), IsEmpty());
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 1}), at(2))),
              ElementsAre(std::tuple(1, true, "approved")));
  const Steps steps = ledger.end_hold(1, "exit", false, at(2));
  EXPECT_THAT(answers(steps), IsEmpty());
  EXPECT_THAT(note_kinds(steps), ElementsAre("cancellation"));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::approved);
}

TEST_F(Ending, ARefusedAttemptWaitsForItsDecisionAlthoughTheProcessIsGone) {
  (void)ledger.hold(make_hold({.id = 1, .refused = true}), at(0));
  EXPECT_THAT(ledger.end_hold(1, "exit", false, at(1)), IsEmpty());
  EXPECT_THAT(ledger.reconcile({}, at(1)), IsEmpty());
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  EXPECT_THAT(note_kinds(ledger.expire(at(15 * 60))), ElementsAre("expiry"));
}

TEST_F(Ending, TheEndOfASessionCancelsItsRequestsAndNoOthers) {
  (void)ledger.open_session(make_session(7), at(0));
  (void)ledger.open_session(make_session(8), at(0));
  (void)ledger.hold(make_hold({.id = 1, .session = 7}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .session = 8}), at(0));
  const Steps steps = ledger.end_session(7, at(1));
  EXPECT_TRUE(in_safe_order(steps));
  EXPECT_THAT(note_kinds(steps), ElementsAre("cancellation", "session_ended"));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "cancelled")));
  EXPECT_EQ(ledger.request("r-2")->state, RequestState::open);
  EXPECT_EQ(ledger.session(7)->ended, at(1).wall);
  EXPECT_THAT(ledger.end_session(7, at(2)), IsEmpty());
}

TEST_F(Ending, ASessionOpensOnce) {
  EXPECT_THAT(note_kinds(ledger.open_session(make_session(), at(3))), ElementsAre("session"));
  EXPECT_EQ(ledger.session(7)->started, at(3).wall);
  EXPECT_THAT(ledger.open_session(make_session(), at(4)), IsEmpty());
  EXPECT_THAT(ledger.open_session(make_session(0), at(4)), IsEmpty());
}

TEST_F(Ending, APolicyThatNoLongerAsksSupersedesAndALateClickHearsIt) {
  (void)ledger.hold(make_hold({.id = 1, .digest = "aa"}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .digest = "bb"}), at(0));
  const Steps steps = ledger.supersede_unless([](const Request& request) { return request.digest == "bb"; },
                                              "policy 4 no longer asks", at(1));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "superseded")));
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::superseded);
  EXPECT_EQ(ledger.request("r-2")->state, RequestState::open);
  const auto late = ledger.decide("r-1", approve(), at(2));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, DecideError::Kind::not_open);
  EXPECT_THAT(late.error().message, HasSubstr("policy 4 no longer asks"));
}

TEST_F(Ending, AVerdictOverruledByThePolicyIsRecordedAsSuch) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  EXPECT_EQ(of_kind<Note>(ledger.consumed(1, false, at(2)))[0].detail, "refused by the policy now in force");
}

TEST_F(Ending, AfterARestartTheSameRequestsGoOnAndWhatIsGoneIsCancelled) {
  (void)ledger.open_session(make_session(), at(0));
  (void)ledger.hold(make_hold({.id = 1, .digest = "aa"}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .digest = "bb"}), at(0));
  (void)ledger.hold(make_hold({.id = 3, .digest = "cc"}), at(0));
  ASSERT_TRUE(ledger.decide("r-3", approve(), at(1)));  // killed before the answer reached the kernel

  Ledger next({});
  next.restore({*ledger.session(7)}, {*ledger.request("r-3"), *ledger.request("r-1"), *ledger.request("r-2")},
               {});
  const Steps steps = next.reconcile({1, 3}, at(10));
  EXPECT_TRUE(in_safe_order(steps));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(3, true, "approved")));
  EXPECT_EQ(next.request("r-1")->state, RequestState::open);
  EXPECT_EQ(next.request("r-2")->state, RequestState::cancelled);
  EXPECT_THAT(next.reconcile({1}, at(11)), SizeIs(1))
      << "the answered hold is gone: its request is saved, that is all";
  EXPECT_THAT(of_kind<Park>(next.hold(make_hold({.id = 1}), at(11))), SizeIs(1));
  EXPECT_EQ(next.requests().size(), 3U) << "no second prompt";
  (void)next.hold(make_hold({.id = 4, .digest = "dd"}), at(11));
  EXPECT_EQ(next.request_of_hold(4)->id, "r-4") << "numbers go on after what was restored";
  ASSERT_TRUE(next.decide("r-1", deny(), at(12)));
}

TEST_F(Ending, EndedRequestsStayUpToTheBoundInTheOrderOfTheirEnd) {
  Ledger small({}, {.ended = 2});
  (void)small.hold(make_hold({.id = 1, .digest = "old"}), at(0));
  for (std::uint64_t id = 2; id <= 6; ++id) {
    (void)small.hold(make_hold({.id = id, .digest = std::to_string(id)}), at(0));
    (void)small.end_hold(id, "exit", false, at(1));
  }
  (void)small.end_hold(1, "exit", false, at(2));
  EXPECT_NE(small.request("r-1"), nullptr) << "who waited longest still finds the outcome";
  (void)small.expire(at(3));
  EXPECT_NE(small.request("r-1"), nullptr);
  EXPECT_EQ(small.request("r-2"), nullptr);
  EXPECT_THAT(small.requests(), SizeIs(2));
}

TEST_F(Ending, ARequestWhoseAnswerIsUnderWayIsNotForgotten) {
  Ledger small({}, {.ended = 1});
  (void)small.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(small.decide("r-1", approve(), at(1)));
  for (std::uint64_t id = 2; id <= 9; ++id) {
    (void)small.hold(make_hold({.id = id, .digest = std::to_string(id)}), at(1));
    (void)small.end_hold(id, "exit", false, at(1));
  }
  EXPECT_THAT(answers(small.hold(make_hold({.id = 1}), at(2))), ElementsAre(std::tuple(1, true, "approved")));
  (void)small.consumed(1, true, at(2));
  for (std::uint64_t id = 10; id <= 14; ++id) {
    (void)small.hold(make_hold({.id = id, .digest = std::to_string(id)}), at(3));
    (void)small.end_hold(id, "exit", false, at(3));
  }
  EXPECT_EQ(small.request("r-1"), nullptr);
}

TEST_F(Ending, UnknownHoldsAreIgnored) {
  EXPECT_THAT(ledger.consumed(9, true, at(0)), IsEmpty());
  EXPECT_THAT(ledger.end_hold(9, "exit", true, at(0)), IsEmpty());
  EXPECT_THAT(ledger.end_session(9, at(0)), IsEmpty());
}

TEST_F(Ending, AnUndoneExpiryHappensAgain) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.expire(at(15 * 60));
  ledger.undo();
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  EXPECT_THAT(answers(ledger.expire(at(15 * 60))), ElementsAre(std::tuple(1, false, "expired")));
}

}  // namespace
}  // namespace holdpoint::approval::test
