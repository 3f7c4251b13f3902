// SPDX-License-Identifier: Apache-2.0
// What a hold becomes: nothing new, a machine's answer, one more hold of an open request, or a new request.
#include <fmt/format.h>

#include <algorithm>

#include "approval/ledger.hpp"
#include "approval/plan.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

std::string hold_text(const Hold& hold) {
  return fmt::format("pid {} tid {} {}", hold.tgid, hold.tid, hold_state_text(hold.state));
}

// Drops what need not be kept, oldest first; holds that wait or have an answer under way always stay.
void trim(std::vector<Hold>& holds, std::size_t ended_bound) {
  auto surplus = static_cast<std::ptrdiff_t>(std::ranges::count(holds, HoldState::ended, &Hold::state)) -
                 static_cast<std::ptrdiff_t>(ended_bound);
  std::erase_if(holds, [&](const Hold& hold) { return hold.state == HoldState::ended && surplus-- > 0; });
}

}  // namespace

Steps Ledger::hold(NewHold hold, Now now) {
  begin();
  if (hold.hold.state != HoldState::refused) hold.hold.state = HoldState::held;
  if (const Settled* answer = state_.settled(hold.hold.id)) {
    if (answer->refused) return {};
    return {Answer{hold.hold.id, answer->kernel_digest, answer->allow, answer->why}};
  }
  if (const Request* known = state_.request_of_hold(hold.hold.id)) return seen_again(hold.hold, *known);
  return place(std::move(hold), now);
}

Steps Ledger::ask_again(NewHold hold, Now now) {
  const Request* found = state_.request_of_hold(hold.hold.id);
  if (found == nullptr) return this->hold(std::move(hold), now);
  begin();
  Request old = *found;
  std::erase_if(old.holds, [&](const Hold& other) { return other.id == hold.hold.id; });
  const bool waits = std::ranges::any_of(old.holds, [](const Hold& other) {
    return other.state == HoldState::held || other.state == HoldState::refused;
  });
  Plan plan;
  if (old.state == RequestState::open && !waits) {
    close(std::move(old), RequestState::superseded, "superseded: what it would read has changed",
          "cancellation", plan);
  } else {
    plan.save(old);
    state_.put(std::move(old));
  }
  Plan all;
  Steps first = plan.finish();
  Steps second = place(std::move(hold), now);
  for (Steps* part : {&first, &second}) all.add(std::move(*part));
  return all.finish();
}

// A hold that is in no request yet.
Steps Ledger::place(NewHold hold, Now now) {
  // Without a digest nothing says what an approval would cover.
  if (hold.draft.digest.empty()) hold.bindable = false;
  const Session* session = state_.session(hold.draft.session);
  if (session != nullptr && session->ended) return refuse_at_once(hold, "cancelled", "the session has ended");

  Plan plan;
  if (hold.bindable)
    if (auto granted = meet_grant(hold, plan, now)) return std::move(*granted);
  Steps steps;
  if (const Request* open = state_.open_request(hold.draft.session, hold.draft.digest, hold.bindable)) {
    steps = take_in(std::move(hold), *open);
  } else if (state_.open_count_in(hold.draft.session) >= limits_.open_requests_per_session ||
             state_.deadlines().size() >= limits_.open_requests) {
    steps = refuse_at_once(hold, "flood", "flood");
  } else {
    steps = open_request(std::move(hold), now);
  }
  // What meeting a spent grant left to do comes first; its saves and notes need no answer.
  Plan all;
  Steps before = plan.finish();
  for (Steps* part : {&before, &steps}) all.add(std::move(*part));
  return all.finish();
}

Steps Ledger::seen_again(const Hold& hold, const Request& request) {
  Request changed = request;
  Hold& known = *std::ranges::find(changed.holds, hold.id, &Hold::id);
  if (known.state == HoldState::refused) return {};
  if (known.state == HoldState::held) {
    if (known.kernel_digest == hold.kernel_digest) {
      // Executing from a thread that is not the leader changes the tid.
      known.tid = hold.tid;
      const Hold parked = known;
      if (request.holds != changed.holds) state_.put(std::move(changed));
      return {Park{parked}};
    }
    // The kernel never gives an id to another action. Should it, then nobody was asked about this one.
    known.kernel_digest = hold.kernel_digest;
    return finish_hold(std::move(changed), hold.id, "another action under the same hold", true);
  }
  if (known.answered) {
    if (known.state == HoldState::ended) return {};  // used already: this is an old sighting
    return {Answer{known.id, known.kernel_digest, *known.answered, known.ended_how}};
  }
  // Was thought to be over and is not: let it go, with a refusal.
  return {Answer{known.id, hold.kernel_digest, false, "cancelled"}};
}

std::optional<Steps> Ledger::meet_grant(const NewHold& hold, Plan& plan, Now now) {
  const Grant* grant = state_.live_grant(hold.draft.session, hold.draft.digest);
  if (grant == nullptr) return std::nullopt;
  if (now.wall >= grant->not_after) {
    end_grant(*grant, "its time is over", plan, now);
    return std::nullopt;
  }
  const bool refused = hold.hold.state == HoldState::refused;
  if (grant->uses && hold.hold.since >= grant->created) {
    end_grant(*grant, "used up", plan, now);
    return std::nullopt;
  }
  if (grant->uses && !refused) return std::nullopt;

  const std::string detail = fmt::format("{}, covered by {}", hold_text(hold.hold), grant->id);
  plan.note({"hold", grant->request, grant->id, hold.draft.session, hold.hold.id, detail});
  if (!refused) {
    plan.answer({hold.hold.id, hold.hold.kernel_digest, true, "granted"});
  }
  state_.settle(hold.hold.id, Settled{hold.hold.kernel_digest, !refused, refused, "granted", grant->id,
                                      hold.draft.session});
  return plan.finish();
}

Steps Ledger::take_in(NewHold hold, Request request) {
  const bool refused = hold.hold.state == HoldState::refused;
  if (refused) {
    const auto same_process = [&](const Hold& other) {
      return other.state == HoldState::refused && other.tgid == hold.hold.tgid &&
             other.start_time == hold.hold.start_time;
    };
    // A program that tries again and again is one who waits, not many.
    if (std::ranges::any_of(request.holds, same_process)) return {};
    if (static_cast<std::size_t>(std::ranges::count(request.holds, HoldState::refused, &Hold::state)) >=
        limits_.refused_holds)
      return {};
  }
  trim(request.holds, limits_.ended_holds);
  hold.hold.answered.reset();
  hold.hold.ended_how.clear();
  request.holds.push_back(hold.hold);
  Plan plan;
  plan.save(request);
  plan.note({"hold", request.id, {}, request.session, hold.hold.id, hold_text(hold.hold)});
  if (!refused) plan.park(hold.hold);
  state_.put(std::move(request));
  return plan.finish();
}

Steps Ledger::open_request(NewHold hold, Now now) {
  Request request = std::move(hold.draft);
  request.id = fmt::format("r-{}", counters_.next_request++);
  request.state = RequestState::open;
  request.bindable = hold.bindable;
  request.rule.timeout = std::clamp(request.rule.timeout, Duration::zero(), limits_.request_lifetime);
  request.created = now.wall;
  request.deadline = now.wall + request.rule.timeout;
  request.decision.reset();
  request.outcome.clear();
  hold.hold.answered.reset();
  hold.hold.ended_how.clear();
  request.holds = {hold.hold};
  Plan plan;
  plan.save(request);
  plan.note({"hold", request.id, {}, request.session, hold.hold.id, hold_text(hold.hold)});
  plan.note({"request", request.id, {}, request.session, hold.hold.id, request.rule.reason});
  if (hold.hold.state == HoldState::held) plan.park(hold.hold);
  state_.put(std::move(request));
  return plan.finish();
}

Steps Ledger::refuse_at_once(const NewHold& hold, const std::string& why, const std::string& detail) {
  Plan plan;
  plan.note({"denial", {}, {}, hold.draft.session, hold.hold.id, detail});
  const bool refused = hold.hold.state == HoldState::refused;
  if (!refused) plan.answer({hold.hold.id, hold.hold.kernel_digest, false, why});
  state_.settle(hold.hold.id, Settled{hold.hold.kernel_digest, false, refused, why, {}, hold.draft.session});
  return plan.finish();
}

}  // namespace holdpoint::approval
