// SPDX-License-Identifier: Apache-2.0
// Everything that ends without a person: holds that go away, deadlines, sessions, policy changes. None of it
// ever allows.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "approval/ledger.hpp"
#include "approval/plan.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

bool waits(const Request& request) {
  return std::ranges::any_of(request.holds, [](const Hold& hold) {
    return hold.state == HoldState::held || hold.state == HoldState::refused;
  });
}

void give(Hold& hold, bool allow, const std::string& why, Plan& plan) {
  hold.state = HoldState::released;
  hold.answered = allow;
  hold.ended_how = why;
  plan.answer({hold.id, hold.kernel_digest, allow, why});
}

}  // namespace

void Ledger::close(Request request, RequestState state, const std::string& outcome, const char* kind,
                   Plan& plan) {
  request.state = state;
  request.outcome = outcome;
  const bool allow = state == RequestState::approved;
  for (Hold& hold : request.holds)
    if (hold.state == HoldState::held) give(hold, allow, std::string(state_text(state)), plan);
  plan.save(request);
  plan.note({kind, request.id, {}, request.session, 0, outcome});
  state_.put(std::move(request));
}

void Ledger::end_grant(Grant grant, const std::string& how, Plan& plan, Now now) {
  grant.revoked = now.wall;
  if (how == "used up") grant.uses = 0;
  plan.save(grant);
  plan.note({"grant_revoked", grant.request, grant.id, grant.session, 0, how});
  state_.put(std::move(grant));
}

Steps Ledger::end_hold(std::uint64_t hold, const std::string& how, bool answer, Now) {
  begin();
  if (const Settled* settled = state_.settled(hold)) {
    if (answer) return {};
    Plan plan;
    if (!settled->refused) plan.note({"cancellation", {}, settled->grant, settled->session, hold, how});
    state_.forget(hold);
    return plan.finish();
  }
  const Request* request = state_.request_of_hold(hold);
  if (request == nullptr) return {};
  return finish_hold(*request, hold, how, answer);
}

Steps Ledger::finish_hold(Request request, std::uint64_t id, const std::string& how, bool answer) {
  Hold& hold = *std::ranges::find(request.holds, id, &Hold::id);
  if (hold.state == HoldState::refused || hold.state == HoldState::ended) return {};
  // Still there and answered already: a second answer of another kind must not follow.
  if (hold.state == HoldState::released && answer) return {};
  Plan plan;
  if (hold.state == HoldState::released) {
    hold.state = HoldState::ended;  // the thread left before it used its answer
  } else if (answer) {
    give(hold, false, "cancelled", plan);
  } else {
    hold.state = HoldState::ended;
    hold.ended_how = how;
  }
  if (request.state == RequestState::open && !waits(request)) {
    close(std::move(request), RequestState::cancelled, "cancelled: " + how, "cancellation", plan);
    return plan.finish();
  }
  plan.save(request);
  // A request that was cancelled as a whole has said so: the thread's death by the same signal is no second event.
  if (request.state != RequestState::cancelled)
    plan.note({"cancellation", request.id, {}, request.session, id, how});
  state_.put(std::move(request));
  return plan.finish();
}

Steps Ledger::withhold(std::uint64_t id, const std::string& why) {
  begin();
  Plan plan;
  if (const Settled* found = state_.settled(id)) {
    if (!found->allow) return {};
    Settled settled = *found;
    settled.allow = false;
    settled.why = "withheld";
    plan.note({"denial", {}, settled.grant, settled.session, id, why});
    plan.answer({id, settled.kernel_digest, false, settled.why});
    state_.settle(id, std::move(settled));
    return plan.finish();
  }
  const Request* found = state_.request_of_hold(id);
  if (found == nullptr) return {};
  Request request = *found;
  Hold& hold = *std::ranges::find(request.holds, id, &Hold::id);
  if (hold.state != HoldState::released || hold.answered != true) return {};
  give(hold, false, "withheld", plan);
  plan.save(request);
  plan.note({"cancellation", request.id, {}, request.session, id, "refused all the same: " + why});
  state_.put(std::move(request));
  return plan.finish();
}

Steps Ledger::consumed(std::uint64_t id, bool allowed, Now) {
  begin();
  const std::string verdict = allowed ? "allowed" : "refused";
  Plan plan;
  if (const Settled* settled = state_.settled(id)) {
    plan.note({"release", {}, settled->grant, settled->session, id, verdict});
    state_.forget(id);
    return plan.finish();
  }
  const Request* found = state_.request_of_hold(id);
  if (found == nullptr) return {};
  Request request = *found;
  Hold& hold = *std::ranges::find(request.holds, id, &Hold::id);
  if (hold.state == HoldState::held)
    return finish_hold(std::move(request), id, verdict + " without an answer", false);
  if (hold.state != HoldState::released) return {};
  hold.state = HoldState::ended;
  // The kernel asks the policy again when it uses a verdict, and there a denial wins.
  const bool overruled = !allowed && hold.answered == true;
  plan.save(request);
  plan.note({"release",
             request.id,
             {},
             request.session,
             id,
             overruled ? "refused by the policy now in force" : verdict});
  state_.put(std::move(request));
  return plan.finish();
}

Steps Ledger::expire(Now now) {
  begin();
  Plan plan;
  while (!state_.deadlines().empty() && state_.deadlines().begin()->first <= now.wall) {
    const Request request = *state_.request(state_.deadlines().begin()->second);
    close(request, RequestState::expired, expiry_text(request), "expiry", plan);
  }
  while (!state_.lives().empty() && state_.lives().begin()->first <= now.wall)
    end_grant(*state_.grant(state_.lives().begin()->second), "its time is over", plan, now);
  return plan.finish();
}

Steps Ledger::supersede_unless(const std::function<bool(const Request&)>& still_asks, const std::string& why,
                               Now) {
  begin();
  std::vector<std::uint64_t> over;
  for (const auto& [deadline, number] : state_.deadlines())
    if (!still_asks(*state_.request(number))) over.push_back(number);
  Plan plan;
  for (const std::uint64_t number : over)
    close(*state_.request(number), RequestState::superseded, "superseded: " + why, "cancellation", plan);
  return plan.finish();
}

Steps Ledger::reconcile(const std::vector<std::uint64_t>& kernel_holds, Now) {
  begin();
  const std::set<std::uint64_t> there(kernel_holds.begin(), kernel_holds.end());
  Plan plan;
  std::vector<Request> changed;
  for (const auto& [number, request] : state_.requests()) {
    Request next = request;
    for (Hold& hold : next.holds) {
      if (there.contains(hold.id)) {
        if (hold.state == HoldState::released && hold.answered)
          plan.answer({hold.id, hold.kernel_digest, *hold.answered, hold.ended_how});
      } else if (hold.state == HoldState::held || hold.state == HoldState::released) {
        if (hold.state == HoldState::held) hold.ended_how = "gone";
        hold.state = HoldState::ended;
      }
    }
    if (next.holds != request.holds) changed.push_back(std::move(next));
  }
  for (Request& request : changed) {
    if (request.state == RequestState::open && !waits(request)) {
      close(std::move(request), RequestState::cancelled, "cancelled: the process is gone", "cancellation",
            plan);
    } else {
      plan.save(request);
      state_.put(std::move(request));
    }
  }
  return plan.finish();
}

Steps Ledger::open_session(Session session, Now now) {
  begin();
  if (session.id == 0 || state_.session(session.id) != nullptr) return {};
  if (session.started == WallTime{}) session.started = now.wall;
  session.ended.reset();
  Plan plan;
  plan.save(session);
  plan.note({"session", {}, {}, session.id, 0, fmt::format("{} in {}", session.agent, session.cgroup_path)});
  state_.put(std::move(session));
  return plan.finish();
}

Steps Ledger::end_session(std::uint64_t id, Now now, const std::string& how) {
  begin();
  Plan plan;
  std::vector<std::uint64_t> grants;
  for (const auto& [deadline, number] : state_.lives())
    if (state_.grant(number)->session == id) grants.push_back(number);
  for (const std::uint64_t number : grants) end_grant(*state_.grant(number), "the session ended", plan, now);
  for (const std::uint64_t number : state_.open_in(id))
    close(*state_.request(number), RequestState::cancelled, "cancelled: the session ended", "cancellation",
          plan);
  if (const Session* found = state_.session(id); found != nullptr && !found->ended) {
    Session session = *found;
    session.ended = now.wall;
    plan.save(session);
    plan.note({"session_ended", {}, {}, id, 0, how});
    state_.put(std::move(session));
  }
  return plan.finish();
}

Steps Ledger::grant_spent(const std::string& id, Now now) {
  begin();
  const Grant* found = grant(id);
  if (found == nullptr || found->revoked) return {};
  Plan plan;
  end_grant(*found, "used up", plan, now);
  return plan.finish();
}

}  // namespace holdpoint::approval
