// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Grants : ::testing::Test {
  Ledger ledger{Ledger::Counters{}};
  // Holds 1 and decides at second 1.
  Steps decided(Decision decision, bool refused = false) {
    (void)ledger.open_session(make_session(), at(0));
    (void)ledger.hold(make_hold({.id = 1, .refused = refused}), at(0));
    auto steps = ledger.decide("r-1", std::move(decision), at(1));
    EXPECT_TRUE(steps);
    return steps ? *steps : Steps{};
  }
};

TEST_F(Grants, ASessionGrantAnswersEqualAccessesAtOnce) {
  const Steps steps = decided(approve(Scope::session));
  EXPECT_TRUE(in_safe_order(steps));
  ASSERT_THAT(of_kind<SaveGrant>(steps), SizeIs(1));
  const Grant grant = of_kind<SaveGrant>(steps)[0].grant;
  EXPECT_EQ(grant.id, "g-1");
  EXPECT_EQ(grant.request, "r-1");
  EXPECT_EQ(grant.not_after, at(1 + 8 * 3600).wall);
  EXPECT_EQ(grant.kernel_digest, make_hold({.id = 1}).hold.kernel_digest);
  EXPECT_FALSE(grant.uses);

  const Steps next = ledger.hold(make_hold({.id = 2}), at(2));
  EXPECT_THAT(answers(next), ElementsAre(std::tuple(2, true, "granted")));
  ASSERT_THAT(note_kinds(next), ElementsAre("hold"));
  EXPECT_EQ(of_kind<Note>(next)[0].grant, "g-1");
  EXPECT_THAT(of_kind<Park>(next), IsEmpty());
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2}), at(3))), ElementsAre(std::tuple(2, true, "granted")));
  EXPECT_THAT(note_kinds(ledger.consumed(2, true, at(3))), ElementsAre("release"));
}

TEST_F(Grants, OtherDigestsAndSessionsAndUnboundThingsAreNotCovered) {
  decided(approve(Scope::session));
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2, .digest = "bb"}), at(2))), IsEmpty());
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 3, .session = 8}), at(2))), IsEmpty());
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 4, .bindable = false}), at(2))), IsEmpty());
}

TEST_F(Grants, AGrantEndsWithItsSession) {
  decided(approve(Scope::session));
  const Steps steps = ledger.end_session(7, at(5));
  EXPECT_THAT(note_kinds(steps), ElementsAre("grant_revoked", "session_ended"));
  ASSERT_THAT(of_kind<SaveGrant>(steps), SizeIs(1));
  EXPECT_EQ(of_kind<SaveGrant>(steps)[0].grant.revoked, at(5).wall);
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2}), at(6))),
              ElementsAre(std::tuple(2, false, "cancelled")));
}

TEST_F(Grants, AGrantEndsAfterItsLifeEvenWhenTheTimerIsLate) {
  decided(approve(Scope::duration, 10s));
  EXPECT_EQ(ledger.next_deadline(), at(11).wall);
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2}), at(10))),
              ElementsAre(std::tuple(2, true, "granted")));
  const Steps late = ledger.hold(make_hold({.id = 3}), at(11));
  EXPECT_THAT(answers(late), IsEmpty());
  EXPECT_THAT(note_kinds(late), ElementsAre("grant_revoked", "hold", "request"));
  EXPECT_TRUE(in_safe_order(late));
}

TEST_F(Grants, ExpireEndsGrantsPastTheirLife) {
  decided(approve(Scope::duration, 10s));
  EXPECT_THAT(ledger.expire(at(10)), IsEmpty());
  const Steps steps = ledger.expire(at(11));
  EXPECT_THAT(note_kinds(steps), ElementsAre("grant_revoked"));
  EXPECT_THAT(ledger.expire(at(12)), IsEmpty());
  EXPECT_FALSE(ledger.next_deadline());
}

TEST_F(Grants, ARefusedHoldApprovedOnceLeavesExactlyOneRetry) {
  const Steps steps = decided(approve(), true);
  EXPECT_THAT(answers(steps), IsEmpty()) << "the kernel has refused it already";
  ASSERT_THAT(of_kind<SaveGrant>(steps), SizeIs(1));
  const Grant grant = of_kind<SaveGrant>(steps)[0].grant;
  EXPECT_EQ(grant.scope, Scope::once);
  EXPECT_EQ(grant.uses, 1U);
  EXPECT_EQ(grant.not_after, at(1 + 15 * 60).wall);
  // The retry passes in the kernel. The next attempt is a hold again, which proves that the grant is spent.
  const Steps next = ledger.hold(make_hold({.id = 2, .refused = true, .since = 5}), at(5));
  EXPECT_THAT(note_kinds(next), ElementsAre("grant_revoked", "hold", "request"));
  EXPECT_EQ(of_kind<SaveGrant>(next)[0].grant.uses, 0U);
  EXPECT_EQ(ledger.request_of_hold(2)->id, "r-2");
}

TEST_F(Grants, ACountedGrantNeverAnswersAHoldHere) {
  decided(approve(), true);
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2, .since = 5}), at(5))), IsEmpty());
  EXPECT_TRUE(ledger.grant("g-1")->revoked);
}

TEST_F(Grants, ARefusalOlderThanTheGrantNeedsNoSecondQuestion) {
  decided(approve(), true);
  const Steps older = ledger.hold(make_hold({.id = 2, .refused = true, .since = 0}), at(2));
  EXPECT_THAT(note_kinds(older), ElementsAre("hold"));
  EXPECT_THAT(answers(older), IsEmpty());
  EXPECT_THAT(ledger.requests(), SizeIs(1));
  EXPECT_FALSE(ledger.grant("g-1")->revoked);
}

TEST_F(Grants, TheKernelsCountAtZeroEndsAGrantOnce) {
  decided(approve(), true);
  const Steps spent = ledger.grant_spent("g-1", at(3));
  EXPECT_THAT(note_kinds(spent), ElementsAre("grant_revoked"));
  EXPECT_EQ(ledger.grant("g-1")->uses, 0U);
  EXPECT_THAT(ledger.grant_spent("g-1", at(4)), IsEmpty());
  EXPECT_THAT(ledger.grant_spent("g-9", at(4)), IsEmpty());
}

TEST_F(Grants, RevokingEndsAGrantAndSaysWho) {
  decided(approve(Scope::session));
  const auto steps = ledger.revoke("g-1", {"unix", "1001", "bob"}, at(3));
  ASSERT_TRUE(steps);
  EXPECT_EQ(of_kind<Note>(*steps)[0].detail, "revoked by bob");
  EXPECT_THAT(answers(ledger.hold(make_hold({.id = 2}), at(4))), IsEmpty());
  const auto again = ledger.revoke("g-1", {"unix", "1001", "bob"}, at(5));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, DecideError::Kind::not_open);
  EXPECT_EQ(ledger.revoke("g-2", {"unix", "1001", "bob"}, at(5)).error().kind, DecideError::Kind::not_found);
}

TEST_F(Grants, LiveGrantsAreBoundedAndOnceStillWorks) {
  Ledger small({}, {.live_grants = 1});
  for (std::uint64_t id = 1; id <= 2; ++id)
    (void)small.hold(make_hold({.id = id, .digest = std::to_string(id)}), at(0));
  ASSERT_TRUE(small.decide("r-1", approve(Scope::session), at(1)));
  EXPECT_EQ(small.decide("r-2", approve(Scope::session), at(1)).error().kind,
            DecideError::Kind::too_many_grants);
  EXPECT_TRUE(small.decide("r-2", approve(), at(1)));
}

TEST_F(Grants, AGrantSurvivesARestart) {
  decided(approve(Scope::session));
  Ledger next(ledger.counters());
  next.restore({*ledger.session(7)}, {*ledger.request("r-1")}, {*ledger.grant("g-1")});
  EXPECT_THAT(answers(next.hold(make_hold({.id = 2}), at(5))), ElementsAre(std::tuple(2, true, "granted")));
}

}  // namespace
}  // namespace holdpoint::approval::test
