// SPDX-License-Identifier: Apache-2.0
// Random sequences of calls, with a model that only believes what was saved.
#include <gtest/gtest.h>

#include <random>

#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

constexpr std::uint64_t sessions = 3;

// Carries out steps as the daemon does, and checks each.
struct World {
  std::map<std::string, Request> saved_requests;
  std::map<std::string, Grant> saved_grants;
  std::map<std::uint64_t, bool> verdicts;   // hold → what it was told
  std::map<std::uint64_t, NewHold> kernel;  // holds that the kernel has

  void carry_out(const Steps& steps, Now now) {
    ASSERT_TRUE(in_safe_order(steps));
    for (const Step& step : steps) {
      if (const auto* save = std::get_if<SaveRequest>(&step)) {
        const Request& request = save->request;
        const auto before = saved_requests.find(request.id);
        if (before != saved_requests.end() && before->second.state != RequestState::open) {
          EXPECT_EQ(request.state, before->second.state) << "an outcome never changes";
        }
        saved_requests[request.id] = request;
      }
      if (const auto* save = std::get_if<SaveGrant>(&step)) saved_grants[save->grant.id] = save->grant;
      if (const auto* answer = std::get_if<Answer>(&step)) check(*answer, now);
    }
  }

  void check(const Answer& answer, Now now) {
    const auto [told, first] = verdicts.emplace(answer.hold, answer.allow);
    EXPECT_EQ(told->second, answer.allow) << "hold " << answer.hold << " was told both";
    if (!answer.allow || !first) return;
    ASSERT_TRUE(kernel.contains(answer.hold));
    const NewHold& hold = kernel.at(answer.hold);
    EXPECT_TRUE(hold.bindable);
    EXPECT_TRUE(may_pass(hold, answer.hold, now)) << "hold " << answer.hold << " passed without a decision";
  }

  bool may_pass(const NewHold& hold, std::uint64_t id, Now now) const {
    for (const auto& [name, request] : saved_requests)
      for (const Hold& one : request.holds)
        if (one.id == id && request.state == RequestState::approved && request.decision &&
            request.decision->approve && request.digest == hold.draft.digest &&
            request.session == hold.draft.session)
          return true;
    for (const auto& [name, grant] : saved_grants)
      if (!grant.revoked && !grant.uses && now.wall < grant.not_after && grant.digest == hold.draft.digest &&
          grant.session == hold.draft.session)
        return true;
    return false;
  }
};

struct Player {
  std::mt19937_64 random;
  Ledger ledger{Ledger::Counters{}, {.open_requests_per_session = 4, .open_requests = 8, .ended = 20}};
  World world;
  std::uint64_t next_hold = 1;
  std::int64_t second = 0;
  std::set<std::uint64_t> over;

  explicit Player(std::uint64_t seed) : random(seed) {}
  std::uint64_t pick(std::uint64_t below) { return random() % below; }

  std::uint64_t some_hold() { return 1 + pick(next_hold); }
  std::string some_request() { return "r-" + std::to_string(1 + pick(ledger.counters().next_request)); }

  // A failed save: nothing is carried out and the ledger takes it back. Else the steps happen.
  bool finish(const Steps& steps) {
    if (pick(12) == 0) {
      ledger.undo();
      return false;
    }
    world.carry_out(steps, at(second));
    return true;
  }

  void new_hold() {
    const std::uint64_t id = next_hold++;
    const NewHold hold = make_hold({.id = id,
                                    .session = 1 + pick(sessions),
                                    .digest = std::string(1, static_cast<char>('a' + pick(3))),
                                    .refused = pick(5) == 0,
                                    .bindable = pick(6) != 0,
                                    .since = second,
                                    .timeout = std::chrono::seconds(1 + pick(60))});
    world.kernel.emplace(id, hold);
    (void)finish(ledger.hold(hold, at(second)));
  }

  void decide() {
    const Scope scope = static_cast<Scope>(pick(3));
    const Decision decision =
        pick(3) == 0 ? deny() : approve(scope, scope == Scope::duration ? Duration(20s) : Duration{});
    if (const auto steps = ledger.decide(some_request(), decision, at(second))) (void)finish(*steps);
  }

  void kernel_side() {
    const std::uint64_t id = some_hold();
    if (over.contains(id) || !world.kernel.contains(id)) return;
    Steps steps;
    if (const auto told = world.verdicts.find(id); told != world.verdicts.end() && pick(2) == 0)
      steps = ledger.consumed(id, told->second, at(second));
    else steps = ledger.end_hold(id, "exit", false, at(second));
    if (finish(steps)) over.insert(id);
  }

  void sighting() {
    const std::uint64_t id = some_hold();
    if (!over.contains(id) && world.kernel.contains(id))
      (void)finish(ledger.hold(world.kernel.at(id), at(second)));
  }

  std::vector<std::uint64_t> still_there() const {
    std::vector<std::uint64_t> ids;
    for (const auto& [id, hold] : world.kernel)
      if (!over.contains(id)) ids.push_back(id);
    return ids;
  }

  void play_one() {
    second += static_cast<std::int64_t>(pick(3));
    switch (pick(12)) {
      case 0:
      case 1:
      case 2: return new_hold();
      case 3:
      case 4: return decide();
      case 5:
      case 6: return kernel_side();
      case 7: return sighting();
      case 8: return void(finish(ledger.expire(at(second))));
      case 9: return void(finish(ledger.end_hold(some_hold(), "SIGTERM", true, at(second))));
      case 10: return void(finish(ledger.reconcile(still_there(), at(second))));
      default: break;
    }
    const std::string grant = "g-" + std::to_string(1 + pick(ledger.counters().next_grant));
    if (pick(2) == 0) {
      if (const auto steps = ledger.revoke(grant, {"unix", "0", "root"}, at(second))) (void)finish(*steps);
    } else if (pick(10) == 0) {
      (void)finish(ledger.end_session(1 + pick(sessions), at(second)));
    } else {
      const auto still = [this](const Request&) { return pick(4) != 0; };
      (void)finish(ledger.supersede_unless(still, "policy", at(second)));
    }
  }

  // Whoever waits is seen by the daemon's scan, and everything has a deadline.
  void settle_everything() {
    for (const std::uint64_t id : still_there())
      world.carry_out(ledger.hold(world.kernel.at(id), at(second)), at(second));
    second += 3600;
    world.carry_out(ledger.expire(at(second)), at(second));
    for (const std::uint64_t id : still_there()) {
      if (world.kernel.at(id).hold.state == HoldState::refused) continue;
      EXPECT_TRUE(world.verdicts.contains(id)) << "hold " << id << " waits for ever";
    }
    for (const Request* request : ledger.requests())
      EXPECT_NE(request->state, RequestState::open) << request->id;
  }
};

TEST(Property, NothingPassesWithoutASavedDecisionNobodyIsLeftAndNoAnswerChanges) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Player player(seed);
    for (int i = 0; i < 300 && !::testing::Test::HasFailure(); ++i) player.play_one();
    player.settle_everything();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdpoint::approval::test
