// SPDX-License-Identifier: Apache-2.0
#include "audit/record.hpp"

#include <algorithm>
#include <chrono>

#include "approval/text.hpp"
#include "audit/record_fill.hpp"

namespace holdpoint::audit {
namespace {

std::int64_t nanoseconds(WallTime time) { return time.time_since_epoch().count(); }

template <typename Message>
void set_what(Message& out, const event::MaskedText& object, const std::string& operation) {
  fill::masked(*out.mutable_object(), object);
  out.set_operation(fill::word(operation));
}

template <typename Message>
void set_what(Message& out, const approval::Request& request) {
  set_what(out, request.access.object, request.access.operation);
}

v1::Record about(const approval::Request& request) {
  v1::Record record;
  fill::common(record, request);
  return record;
}

const approval::Hold* first_hold(const approval::Request& request) {
  return request.holds.empty() ? nullptr : &request.holds.front();
}

}  // namespace

Entry daemon_started(const Build& build) {
  v1::Record record;
  auto& kind = *record.mutable_daemon_started();
  fill::masked(*kind.mutable_version(), build.version);
  fill::masked(*kind.mutable_kernel(), build.kernel);
  kind.set_binary_digest(fill::hex(build.binary_digest));
  kind.set_bpf_digest(fill::hex(build.bpf_digest));
  return EntryMaker::make(std::move(record));
}

Entry daemon_stopped(const event::MaskedText& reason) {
  v1::Record record;
  fill::masked(*record.mutable_daemon_stopped()->mutable_reason(), reason);
  return EntryMaker::make(std::move(record));
}

Entry policy_loaded(const PolicyView& policy, const approval::Principal& by) {
  v1::Record record;
  record.set_policy_generation(policy.generation);
  record.set_digest(fill::hex(policy.digest));
  fill::actor(record, by);
  auto& kind = *record.mutable_policy_loaded();
  for (const auto& file : policy.files) fill::masked(*kind.add_files(), file);
  fill::masked(*kind.mutable_origin(), policy.origin);
  return EntryMaker::make(std::move(record));
}

Entry policy_refused(const event::MaskedText& error, const approval::Principal& by) {
  v1::Record record;
  fill::actor(record, by);
  fill::masked(*record.mutable_policy_refused()->mutable_error(), error);
  return EntryMaker::make(std::move(record));
}

Entry mode_changed(const ModeView& view, const approval::Principal& by) {
  v1::Record record;
  record.set_agent(fill::word(view.agent));
  record.set_rule(fill::word(view.rule));
  fill::actor(record, by);
  auto& kind = *record.mutable_mode();
  kind.set_from(fill::word(view.from));
  kind.set_to(fill::word(view.to));
  kind.set_as_policy(view.as_policy);
  fill::masked(*kind.mutable_reason(), view.reason);
  return EntryMaker::make(std::move(record));
}

Entry session_started(const approval::Session& session) {
  v1::Record record;
  record.set_agent(fill::word(session.agent));
  record.set_session(session.id);
  fill::actor(record, session.owner);
  auto& kind = *record.mutable_session_started();
  fill::masked(*kind.mutable_cgroup(), event::mask(session.cgroup_path));
  kind.set_recognised_by(fill::word(session.recognised_by));
  kind.set_tagged_by(fill::word(session.tagged_by));
  fill::masked(*kind.mutable_on_behalf_of(), session.claims.on_behalf_of);
  fill::masked(*kind.mutable_purpose(), session.claims.purpose);
  for (const auto& [key, value] : session.claims.labels)
    (*kind.mutable_labels())[fill::word(key)] = fill::word(value);
  return EntryMaker::make(std::move(record));
}

Entry session_ended(const approval::Session& session, const event::MaskedText& how) {
  v1::Record record;
  record.set_agent(fill::word(session.agent));
  record.set_session(session.id);
  fill::masked(*record.mutable_session_ended()->mutable_how(), how);
  return EntryMaker::make(std::move(record));
}

Entry held(const approval::Request& request, const approval::Hold& hold) {
  auto record = about(request);
  record.set_hold(hold.id);
  auto& kind = *record.mutable_held();
  fill::access(*kind.mutable_access(), request.access);
  fill::process(*kind.mutable_process(), request, &hold);
  kind.set_refused(hold.state == approval::HoldState::refused);
  return EntryMaker::make(std::move(record));
}

Entry request_opened(const approval::Request& request) {
  auto record = about(request);
  auto& kind = *record.mutable_request_opened();
  fill::access(*kind.mutable_access(), request.access);
  fill::process(*kind.mutable_process(), request, first_hold(request));
  fill::masked(*kind.mutable_reason(), event::mask(request.rule.reason));
  kind.set_deadline_ns(nanoseconds(request.deadline));
  kind.set_only_deny(!request.bindable);
  return EntryMaker::make(std::move(record));
}

Entry decided(const approval::Request& request) {
  auto record = about(request);
  auto& kind = *record.mutable_decided();
  set_what(kind, request);
  kind.set_holds(static_cast<std::uint32_t>(request.holds.size()));
  if (!request.decision) return EntryMaker::make(std::move(record));
  const auto& decision = *request.decision;
  fill::actor(record, decision.by);
  kind.set_approve(decision.approve);
  kind.set_scope(std::string(approval::scope_text(decision.scope)));
  if (decision.lifetime.count() > 0)
    kind.set_lifetime_ns(static_cast<std::uint64_t>(decision.lifetime.count()));
  fill::masked(*kind.mutable_reason(), decision.reason);
  kind.set_channel(fill::word(decision.channel));
  return EntryMaker::make(std::move(record));
}

Entry expired(const approval::Request& request) {
  auto record = about(request);
  set_what(*record.mutable_expired(), request);
  fill::masked(*record.mutable_expired()->mutable_outcome(), event::mask(request.outcome));
  return EntryMaker::make(std::move(record));
}

Entry cancelled(const approval::Request& request, std::uint64_t hold, const event::MaskedText& how) {
  auto record = about(request);
  record.set_hold(hold);
  set_what(*record.mutable_cancelled(), request);
  fill::masked(*record.mutable_cancelled()->mutable_how(), how);
  return EntryMaker::make(std::move(record));
}

Entry superseded(const approval::Request& request, const event::MaskedText& why) {
  auto record = about(request);
  set_what(*record.mutable_superseded(), request);
  fill::masked(*record.mutable_superseded()->mutable_why(), why);
  return EntryMaker::make(std::move(record));
}

Entry released(const approval::Request& request, std::uint64_t hold, bool allowed,
               const event::MaskedText& detail) {
  auto record = about(request);
  record.set_hold(hold);
  record.mutable_released()->set_allowed(allowed);
  set_what(*record.mutable_released(), request);
  fill::masked(*record.mutable_released()->mutable_detail(), detail);
  return EntryMaker::make(std::move(record));
}

Entry grant_made(const approval::Grant& grant) {
  v1::Record record;
  fill::common(record, grant);
  fill::actor(record, grant.by);
  auto& kind = *record.mutable_grant_made();
  kind.set_scope(std::string(approval::scope_text(grant.scope)));
  set_what(kind, grant.object, grant.operation);
  kind.set_not_after_ns(nanoseconds(grant.not_after));
  kind.set_uses(grant.uses.value_or(0));
  return EntryMaker::make(std::move(record));
}

Entry grant_revoked(const approval::Grant& grant, const event::MaskedText& how,
                    const approval::Principal& by) {
  v1::Record record;
  fill::common(record, grant);
  fill::actor(record, by);
  set_what(*record.mutable_grant_revoked(), grant.object, grant.operation);
  fill::masked(*record.mutable_grant_revoked()->mutable_how(), how);
  return EntryMaker::make(std::move(record));
}

Entry repeated(const Entry& entry, std::uint64_t times) {
  auto record = entry.record();
  if (record.has_observed()) {
    record.mutable_observed()->set_times(times);
    return EntryMaker::make(std::move(record));
  }
  if (record.has_guard_touched()) {
    const auto touched = record.guard_touched();
    *record.mutable_denied()->mutable_access() = touched.access();
    *record.mutable_denied()->mutable_process() = touched.process();
    record.mutable_denied()->set_cause(touched.cause());
  }
  if (record.has_logged()) {
    record.mutable_logged()->set_times(times);
    return EntryMaker::make(std::move(record));
  }
  record.mutable_denied()->set_times(times);
  fill::masked(*record.mutable_denied()->mutable_detail(), event::mask("again and again"));
  return EntryMaker::make(std::move(record));
}

Entry more_denials(const std::string& agent, std::uint64_t session, const std::string& cause,
                   std::uint64_t times) {
  v1::Record record;
  record.set_agent(fill::word(agent));
  record.set_session(session);
  if (cause == event::cause_text(HP_CAUSE_DISARMED)) {
    record.mutable_logged()->set_cause(fill::word(cause));
    record.mutable_logged()->set_times(times);
    return EntryMaker::make(std::move(record));
  }
  record.mutable_denied()->set_cause(fill::word(cause));
  record.mutable_denied()->set_times(times);
  fill::masked(*record.mutable_denied()->mutable_detail(), event::mask("more than are told one by one"));
  return EntryMaker::make(std::move(record));
}

Entry more_observed(const std::string& agent, std::uint64_t session, const std::string& what,
                    std::uint64_t times) {
  v1::Record record;
  const auto space = what.find(' ');
  record.set_agent(fill::word(agent));
  record.set_session(session);
  if (space != std::string::npos) record.set_rule(fill::word(what.substr(space + 1)));
  record.mutable_observed()->set_verdict(fill::word(what.substr(0, space)));
  record.mutable_observed()->set_times(times);
  return EntryMaker::make(std::move(record));
}

Entry lost(Literal reason, std::uint64_t count, std::uint64_t bytes) {
  v1::Record record;
  auto& kind = *record.mutable_lost();
  kind.set_reason(std::string(reason.text()));
  kind.set_count(count);
  kind.set_bytes(bytes);
  return EntryMaker::make(std::move(record));
}

Entry kernel_event(const event::Event& event, const KernelView& view) {
  const hp_access& fixed = event.access.fixed;
  v1::Record record;
  record.set_agent(fill::word(view.agent));
  record.set_session(fixed.identity.session);
  record.set_hold(fixed.hold_id);
  record.set_rule(fill::word(view.rule));
  record.set_grant(fill::word(view.grant));
  record.set_policy_generation(fixed.policy_generation);
  const auto set = [&](auto& kind) {
    fill::access(*kind.mutable_access(), view.access);
    fill::process(*kind.mutable_process(), fixed, view.comm);
  };
  switch (event.kind) {
    case HP_EVENT_LOGGED: set(*record.mutable_logged()); break;
    case HP_EVENT_DISARMED:
      set(*record.mutable_logged());
      record.mutable_logged()->set_cause(event::cause_text(fixed.cause));
      record.mutable_logged()->set_verdict(fixed.verdict == HP_DENY ? "deny" : "ask");
      break;
    case HP_EVENT_GRANTED: set(*record.mutable_granted()); break;
    case HP_EVENT_TAMPERED: set(*record.mutable_tampered()); break;
    case HP_EVENT_GUARD:
      set(*record.mutable_guard_touched());
      record.mutable_guard_touched()->set_cause(event::cause_text(fixed.cause));
      break;
    case HP_EVENT_OBSERVED:
      set(*record.mutable_observed());
      record.mutable_observed()->set_verdict(fill::word(view.verdict));
      fill::masked(*record.mutable_observed()->mutable_reason(), view.reason);
      break;
    case HP_EVENT_DENIED:
      set(*record.mutable_denied());
      record.mutable_denied()->set_cause(event::cause_text(fixed.cause));
      break;
  }
  return EntryMaker::make(std::move(record));
}

}  // namespace holdpoint::audit
