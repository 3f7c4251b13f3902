// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = DecideError::Kind;

struct Decide : ::testing::Test {
  Ledger ledger{Ledger::Counters{}};
  DecideError error(const std::string& request, Decision decision, std::int64_t second = 1) {
    auto steps = ledger.decide(request, std::move(decision), at(second));
    if (steps) {
      ADD_FAILURE() << "was accepted";
      return {Kind::invalid, {}};
    }
    return steps.error();
  }
};

TEST_F(Decide, ApprovalReachesEveryHoldThatWaitsAndIsSavedFirst) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  (void)ledger.hold(make_hold({.id = 2}), at(0));
  const auto steps = ledger.decide("r-1", approve(), at(1));
  ASSERT_TRUE(steps);
  EXPECT_TRUE(in_safe_order(*steps));
  ASSERT_THAT(of_kind<SaveRequest>(*steps), SizeIs(1));
  const Request saved = of_kind<SaveRequest>(*steps)[0].request;
  EXPECT_EQ(saved.state, RequestState::approved);
  EXPECT_EQ(saved.outcome, "approved by ada (once)");
  EXPECT_EQ(saved.decision->at, at(1).wall);
  EXPECT_EQ(saved.decision->digest, "aa");
  EXPECT_THAT(note_kinds(*steps), ElementsAre("decision"));
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(1, true, "approved"), std::tuple(2, true, "approved")));
  EXPECT_THAT(of_kind<Answer>(*steps)[1].kernel_digest, ElementsAre(20, std::hash<std::string>{}("aa")));
  EXPECT_THAT(of_kind<SaveGrant>(*steps), IsEmpty()) << "once leaves nothing behind";
}

TEST_F(Decide, DenialReachesEveryHoldAndKeepsItsReason) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  const auto steps = ledger.decide("r-1", deny("not today"), at(1));
  ASSERT_TRUE(steps);
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(1, false, "denied")));
  EXPECT_EQ(ledger.request("r-1")->outcome, "denied by bob: not today");
}

TEST_F(Decide, ADenialNeedsAReason) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  EXPECT_EQ(error("r-1", deny("")).kind, Kind::invalid);
  EXPECT_EQ(error("r-1", deny("  ")).kind, Kind::invalid);
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
}

TEST_F(Decide, TheSecondClickHearsWhoWasFirst) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  const DecideError second = error("r-1", deny(), 13);
  EXPECT_EQ(second.kind, Kind::not_open);
  EXPECT_EQ(second.message, "already approved by ada 12 s ago");
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::approved);
}

TEST_F(Decide, UnknownRequestsAreNotFound) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  for (const char* id : {"r-2", "1", "", "r-", "r-01", "r-1x", "g-1", "r-18446744073709551617"})
    EXPECT_EQ(error(id, approve()).kind, Kind::not_found) << id;
}

TEST_F(Decide, WhatCannotBeBoundIsDeniedOnlyAndTheMessageSaysWhy) {
  NewHold hold = make_hold({.id = 1, .bindable = false});
  hold.draft.access.warnings = {"argv cut"};
  (void)ledger.hold(hold, at(0));
  const DecideError refused = error("r-1", approve());
  EXPECT_EQ(refused.kind, Kind::only_deniable);
  EXPECT_THAT(refused.message, HasSubstr("argv cut"));
  EXPECT_TRUE(ledger.decide("r-1", deny(), at(2)));
}

TEST_F(Decide, ADecisionOnAnotherDigestThanTheOneShownIsRefused) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  Decision decision = approve();
  decision.digest = "bb";
  EXPECT_EQ(error("r-1", decision).kind, Kind::other_digest);
  decision.digest = "aa";
  EXPECT_TRUE(ledger.decide("r-1", decision, at(2)));
}

TEST_F(Decide, LifetimesAreCheckedAgainstTheirBounds) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  for (const Duration lifetime : {Duration(0), Duration(-1s), Duration(8h + 1ns)})
    EXPECT_EQ(error("r-1", approve(Scope::duration, lifetime)).kind, Kind::invalid) << lifetime.count();
  EXPECT_EQ(error("r-1", approve(Scope::once, 1h)).kind, Kind::invalid);
  EXPECT_EQ(error("r-1", approve(static_cast<Scope>(9))).kind, Kind::invalid);
  EXPECT_TRUE(ledger.decide("r-1", approve(Scope::duration, 8h), at(1)));
}

TEST_F(Decide, ADenialHasNoWiderScope) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  Decision decision = deny();
  decision.scope = Scope::session;
  EXPECT_EQ(error("r-1", decision).kind, Kind::invalid);
}

TEST_F(Decide, SomebodyMustHaveDecided) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  Decision decision = approve();
  decision.by = {};
  EXPECT_EQ(error("r-1", decision).kind, Kind::invalid);
}

TEST_F(Decide, AfterTheDeadlineNobodyCanApproveEvenWhenTheTimerIsLate) {
  (void)ledger.hold(make_hold({.id = 1, .timeout = 60s}), at(0));
  EXPECT_EQ(error("r-1", approve(), 60).kind, Kind::not_open);
  EXPECT_THAT(answers(ledger.expire(at(60))), ElementsAre(std::tuple(1, false, "expired")));
  EXPECT_THAT(error("r-1", approve(), 61).message, HasSubstr("nobody answered within 1m"));
}

TEST_F(Decide, UndoTakesADecisionBackWhole) {
  (void)ledger.hold(make_hold({.id = 1, .refused = true}), at(0));
  (void)ledger.hold(make_hold({.id = 2}), at(0));
  ASSERT_TRUE(ledger.decide("r-1", approve(), at(1)));
  ASSERT_THAT(ledger.grants(), SizeIs(1));
  ledger.undo();
  EXPECT_EQ(ledger.request("r-1")->state, RequestState::open);
  EXPECT_THAT(ledger.grants(), IsEmpty());
  EXPECT_EQ(ledger.next_deadline(), at(15 * 60).wall);
  const auto steps = ledger.decide("r-1", deny(), at(2));
  ASSERT_TRUE(steps) << "the click can be made again";
  EXPECT_THAT(answers(*steps), ElementsAre(std::tuple(2, false, "denied")));
}

TEST_F(Decide, UndoOfANewHoldForgetsItAndItsNumber) {
  (void)ledger.hold(make_hold({.id = 1}), at(0));
  ledger.undo();
  EXPECT_THAT(ledger.requests(), IsEmpty());
  EXPECT_EQ(ledger.request_of_hold(1), nullptr);
  EXPECT_EQ(ledger.counters().next_request, 1U);
  EXPECT_THAT(note_kinds(ledger.hold(make_hold({.id = 1}), at(0))), ElementsAre("hold", "request"));
}

}  // namespace
}  // namespace holdpoint::approval::test
