// SPDX-License-Identifier: Apache-2.0
// A person's decision: checked against the state of this very moment, then carried to every hold that waits.
#include <fmt/format.h>

#include <algorithm>

#include "approval/ledger.hpp"
#include "approval/plan.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

using Kind = DecideError::Kind;

bool blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

// How it ended, and when if a person ended it: who clicks second must see whose answer counts.
std::string late_text(const Request& request, Now now) {
  if (!request.decision) return fmt::format("{} is over: {}", request.id, request.outcome);
  return fmt::format("already {} by {} {}", request.decision->approve ? "approved" : "denied",
                     principal_text(request.decision->by), ago_text(now.wall - request.decision->at));
}

std::string unbindable_text(const Request& request) {
  std::string why;
  for (const std::string& warning : request.access.warnings) why += (why.empty() ? "" : ", ") + warning;
  return fmt::format("{} can only be denied: {}", request.id,
                     why.empty() ? "what it would run cannot be verified" : why);
}

bool has_refused(const Request& request) {
  return std::ranges::find(request.holds, HoldState::refused, &Hold::state) != request.holds.end();
}

std::optional<DecideError> malformed(const Decision& decision, Duration longest) {
  if (decision.by.kind.empty() || decision.by.id.empty())
    return DecideError{Kind::invalid, "a decision needs somebody who made it"};
  if (!decision.approve && blank(decision.reason.text()))
    return DecideError{Kind::invalid, "a denial needs a reason: the agent's owner will read it"};
  if (!decision.approve && decision.scope != Scope::once)
    return DecideError{Kind::invalid, "a denial answers this request only: its scope must be once"};
  if (scope_text(decision.scope) == "unknown") return DecideError{Kind::invalid, "unknown scope"};
  if (decision.scope == Scope::duration &&
      (decision.lifetime <= Duration::zero() || decision.lifetime > longest))
    return DecideError{Kind::invalid, fmt::format("scope duration needs a lifetime above zero and up to {}",
                                                  duration_text(longest))};
  if (decision.scope != Scope::duration && decision.lifetime != Duration::zero())
    return DecideError{Kind::invalid, "a lifetime belongs to scope duration only"};
  return std::nullopt;
}

}  // namespace

std::optional<DecideError> Ledger::refusal(const Request* request, const std::string& id,
                                           const Decision& decision, Now now) const {
  if (request == nullptr) return DecideError{Kind::not_found, fmt::format("no request {}", id)};
  if (request->state != RequestState::open) return DecideError{Kind::not_open, late_text(*request, now)};
  // The timer may be late; the deadline is not.
  if (now.wall >= request->deadline)
    return DecideError{Kind::not_open, fmt::format("{} is over: {}", request->id, expiry_text(*request))};
  if (auto error = malformed(decision, limits_.grant_lifetime)) return error;
  if (!decision.digest.empty() && decision.digest != request->digest)
    return DecideError{
        Kind::other_digest,
        fmt::format("{} asks about another action than the one that was shown; look again", request->id)};
  if (decision.approve && !request->bindable)
    return DecideError{Kind::only_deniable, unbindable_text(*request)};
  const bool leaves_grant = decision.approve && (decision.scope != Scope::once || has_refused(*request));
  if (leaves_grant && state_.lives().size() >= limits_.live_grants)
    return DecideError{
        Kind::too_many_grants,
        fmt::format("{} grants are live already, as many as there may be", state_.lives().size())};
  return std::nullopt;
}

std::expected<Steps, DecideError> Ledger::decide(const std::string& id, Decision decision, Now now) {
  begin();
  const Request* found = request(id);
  if (auto error = refusal(found, id, decision, now)) return std::unexpected(std::move(*error));
  Request request = *found;
  decision.digest = request.digest;
  decision.at = now.wall;
  request.decision = std::move(decision);
  const bool approve = request.decision->approve;
  const std::string outcome = decision_text(*request.decision);
  Plan plan;
  if (approve) leave_grant(request, plan, now);
  close(std::move(request), approve ? RequestState::approved : RequestState::denied, outcome, "decision",
        plan);
  return plan.finish();
}

void Ledger::leave_grant(const Request& request, Plan& plan, Now now) {
  if (!request.decision) return;
  const Decision& decision = *request.decision;
  if (decision.scope == Scope::once && !has_refused(request)) return;
  Grant grant;
  grant.id = fmt::format("g-{}", counters_.next_grant++);
  grant.request = request.id;
  grant.digest = request.digest;
  grant.kernel_digest = request.holds.front().kernel_digest;
  grant.session = request.session;
  grant.agent = request.agent;
  grant.scope = decision.scope;
  grant.created = now.wall;
  grant.not_after = now.wall + limits_.grant_lifetime;
  if (decision.scope == Scope::duration) grant.not_after = now.wall + decision.lifetime;
  if (decision.scope == Scope::once) {
    grant.uses = 1;
    grant.not_after = now.wall + limits_.retry_lifetime;
    grant.kernel_digest = std::ranges::find(request.holds, HoldState::refused, &Hold::state)->kernel_digest;
  }
  grant.by = decision.by;
  grant.object = request.access.object;
  grant.operation = request.access.operation;
  plan.save(grant);
  const std::string span = grant.uses ? "one retry within " : "for ";
  plan.note(
      {"grant", request.id, grant.id, request.session, 0, span + duration_text(grant.not_after - now.wall)});
  state_.put(std::move(grant));
}

std::expected<Steps, DecideError> Ledger::revoke(const std::string& id, const Principal& by, Now now) {
  begin();
  const Grant* found = grant(id);
  if (found == nullptr) return std::unexpected(DecideError{Kind::not_found, fmt::format("no grant {}", id)});
  if (found->revoked)
    return std::unexpected(
        DecideError{Kind::not_open, fmt::format("{} ended {}", id, ago_text(now.wall - *found->revoked))});
  Plan plan;
  end_grant(*found, "revoked by " + principal_text(by), plan, now);
  return plan.finish();
}

}  // namespace holdpoint::approval
