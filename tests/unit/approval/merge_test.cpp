// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(Merge, AFirstHoldOpensARequestThatIsSavedBeforeItIsShownAndParked) {
  Ledger ledger({});
  const Steps steps = ledger.hold(make_hold({.id = 5}), at(0));
  ASSERT_THAT(of_kind<SaveRequest>(steps), SizeIs(1));
  EXPECT_THAT(note_kinds(steps), ElementsAre("hold", "request"));
  ASSERT_THAT(of_kind<Park>(steps), SizeIs(1));
  EXPECT_THAT(answers(steps), IsEmpty());
  EXPECT_TRUE(in_safe_order(steps));
  const Request saved = of_kind<SaveRequest>(steps)[0].request;
  EXPECT_EQ(saved.id, "r-1");
  EXPECT_EQ(saved.state, RequestState::open);
  EXPECT_EQ(saved.created, at(0).wall);
  EXPECT_EQ(saved.deadline, at(15 * 60).wall);
  EXPECT_EQ(ledger.request_of_hold(5)->id, "r-1");
  EXPECT_EQ(ledger.next_deadline(), at(15 * 60).wall);
}

TEST(Merge, TheSameHoldIdAgainMakesNoSecondPromptAndNoSecondRecord) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5}), at(0));
  const Steps again = ledger.hold(make_hold({.id = 5}), at(1));
  EXPECT_THAT(of_kind<SaveRequest>(again), IsEmpty());
  EXPECT_THAT(of_kind<Note>(again), IsEmpty());
  EXPECT_THAT(of_kind<Park>(again), SizeIs(1)) << "a handler ran meanwhile: it must be frozen again";
  EXPECT_THAT(ledger.requests(), SizeIs(1));
  EXPECT_THAT(ledger.requests()[0]->holds, SizeIs(1));
}

TEST(Merge, EqualDigestsOfOneSessionJoinOneRequest) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 5}), at(0));
  const Steps joined = ledger.hold(make_hold({.id = 6}), at(100));
  EXPECT_THAT(note_kinds(joined), ElementsAre("hold"));
  EXPECT_THAT(of_kind<Park>(joined), SizeIs(1));
  ASSERT_THAT(ledger.requests(), SizeIs(1));
  EXPECT_THAT(ledger.requests()[0]->holds, SizeIs(2));
  EXPECT_EQ(ledger.requests()[0]->deadline, at(15 * 60).wall) << "joining does not prolong the wait";
}

TEST(Merge, OtherDigestsAndOtherSessionsAreOtherRequests) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1, .session = 7, .digest = "aa"}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .session = 7, .digest = "bb"}), at(0));
  (void)ledger.hold(make_hold({.id = 3, .session = 8, .digest = "aa"}), at(0));
  EXPECT_THAT(ledger.requests(), SizeIs(3));
  const auto steps = ledger.decide("r-1", approve(), at(1));
  ASSERT_TRUE(steps);
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(1, true, "approved")));
}

TEST(Merge, WhatCannotBeBoundNeverJoinsWhatCan) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .bindable = false}), at(0));
  EXPECT_THAT(ledger.requests(), SizeIs(2));
  const auto steps = ledger.decide("r-1", approve(), at(1));
  ASSERT_TRUE(steps);
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(1, true, "approved")));
}

TEST(Merge, WithoutADigestNothingCanBeApproved) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1, .digest = ""}), at(0));
  const auto steps = ledger.decide("r-1", approve(), at(1));
  ASSERT_FALSE(steps);
  EXPECT_EQ(steps.error().kind, DecideError::Kind::only_deniable);
}

TEST(Merge, AHoldSeenAgainAfterTheDecisionGetsTheSameAnswerAgain) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.hold(make_hold({.id = 2, .digest = "bb"}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  ASSERT_TRUE(ledger.decide("r-2", deny(), at(1)));
  const Steps allowed = ledger.hold(make_hold({.id = 1}), at(2));
  EXPECT_THAT(answers(allowed), ElementsAre(std::tuple(1, true, "approved")));
  EXPECT_THAT(allowed, SizeIs(1));
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2, .digest = "bb"}), at(2))),
              ElementsAre(std::tuple(2, false, "denied")));
}

TEST(Merge, ANewHoldAfterADecisionOnceIsANewRequest) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  (void)ledger.consumed(1, true, at(1));
  const Steps steps = ledger.hold(make_hold({.id = 2}), at(2));
  EXPECT_THAT(answers(steps), IsEmpty());
  EXPECT_EQ(ledger.request_of_hold(2)->id, "r-2");
}

TEST(Merge, AnOldSightingOfAUsedVerdictDoesNothing) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  EXPECT_THAT(note_kinds(ledger.consumed(1, true, at(1))), ElementsAre("release"));
  EXPECT_THAT(ledger.hold(make_hold({.id = 1}), at(2)), IsEmpty());
  EXPECT_THAT(ledger.consumed(1, true, at(3)), IsEmpty()) << "a bell that rings twice is recorded once";
}

TEST(Merge, AnotherActionUnderTheSameHoldIdIsRefused) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  NewHold other = make_hold({.id = 1});
  other.hold.kernel_digest = {99, 99};
  const Steps steps = ledger.hold(other, at(1));
  ASSERT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "cancelled")));
  EXPECT_THAT(of_kind<Answer>(steps)[0].kernel_digest, ElementsAre(99, 99));
  EXPECT_EQ(ledger.requests()[0]->state, RequestState::cancelled);
}

TEST(Merge, TheThreadIdFollowsAnExecFromAThreadThatIsNotTheLeader) {
  Ledger ledger({});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  NewHold again = make_hold({.id = 1});
  again.hold.tid = 77;
  EXPECT_EQ(of_kind<Park>(ledger.hold(again, at(1)))[0].hold.tid, 77);
  EXPECT_EQ(ledger.requests()[0]->holds[0].tid, 77);
}

TEST(Merge, OverTheSessionsLimitAHoldIsDeniedWithARecordAndOthersAreNot) {
  Ledger ledger({}, {.open_requests_per_session = 2});
  for (std::uint64_t id = 1; id <= 2; ++id)
    (void)ledger.hold(make_hold({.id = id, .digest = std::to_string(id)}), at(0));
  const Steps flood = ledger.hold(make_hold({.id = 3, .digest = "3"}), at(0));
  EXPECT_THAT(answers(flood), ElementsAre(std::tuple(3, false, "flood")));
  ASSERT_THAT(note_kinds(flood), ElementsAre("denial"));
  EXPECT_EQ(of_kind<Note>(flood)[0].detail, "flood");
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 3, .digest = "3"}), at(1))),
              ElementsAre(std::tuple(3, false, "flood")))
      << "the same again, without a second record";
  EXPECT_THAT(of_kind<Park>(ledger.hold(make_hold({.id = 4, .digest = "1"}), at(1))), SizeIs(1))
      << "joining is free";
  EXPECT_THAT(of_kind<Park>(ledger.hold(make_hold({.id = 5, .session = 8}), at(1))), SizeIs(1));
}

TEST(Merge, OverTheHostsLimitEverySessionIsDenied) {
  Ledger ledger({}, {.open_requests = 1});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2, .session = 8}), at(0))),
              ElementsAre(std::tuple(2, false, "flood")));
  const Steps refused = ledger.hold(make_hold({.id = 3, .session = 9, .refused = true}), at(0));
  EXPECT_THAT(answers(refused), IsEmpty()) << "the kernel has refused it already";
  EXPECT_THAT(note_kinds(refused), ElementsAre("denial"));
}

TEST(Merge, ARefusedProcessThatTriesAgainIsListedOnceAndNotSavedAgain) {
  Ledger ledger({}, {.refused_holds = 2});
  NewHold first = make_hold({.id = 1, .refused = true});
  EXPECT_THAT(of_kind<Park>(ledger.hold(first, at(0))), IsEmpty());
  NewHold retry = first;
  retry.hold.id = 2;
  EXPECT_THAT(ledger.hold(retry, at(1)), IsEmpty());
  EXPECT_THAT(ledger.hold(make_hold({.id = 3, .refused = true}), at(1)), SizeIs(2));
  EXPECT_THAT(ledger.hold(make_hold({.id = 4, .refused = true}), at(1)), IsEmpty()) << "the list is bounded";
  EXPECT_THAT(ledger.requests()[0]->holds, SizeIs(2));
}

TEST(Merge, EndedHoldsOfAnOpenRequestAreBounded) {
  Ledger ledger({}, {.ended_holds = 3});
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  for (std::uint64_t id = 2; id < 50; ++id) {
    (void)ledger.hold(make_hold({.id = id}), at(0));
    (void)ledger.end_hold(id, "other", false, at(0));
  }
  EXPECT_LE(ledger.requests()[0]->holds.size(), 5U);
  EXPECT_EQ(ledger.requests()[0]->holds[0].id, 1U) << "who waits is never dropped";
}

TEST(Merge, AnEndedSessionOpensNothing) {
  Ledger ledger({});
  (void)ledger.open_session(make_session(), at(0));
  (void)ledger.end_session(7, at(1));
  const Steps steps = ledger.hold(make_hold({.id = 1}), at(2));
  EXPECT_THAT(answers(steps), ElementsAre(std::tuple(1, false, "cancelled")));
  EXPECT_THAT(ledger.requests(), IsEmpty());
}

TEST(Merge, ADraftCannotBringStateOfItsOwn) {
  Ledger ledger({});
  NewHold hold = make_hold({.id = 1});
  hold.draft.id = "r-99";
  hold.draft.state = RequestState::approved;
  hold.draft.decision = approve();
  hold.draft.outcome = "approved";
  hold.hold.answered = true;
  (void)ledger.hold(hold, at(0));
  const Request& request = *ledger.requests()[0];
  EXPECT_EQ(request.id, "r-1");
  EXPECT_EQ(request.state, RequestState::open);
  EXPECT_FALSE(request.decision);
  EXPECT_FALSE(request.holds[0].answered);
}

}  // namespace
}  // namespace holdpoint::approval::test
