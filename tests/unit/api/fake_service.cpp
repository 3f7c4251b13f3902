// SPDX-License-Identifier: Apache-2.0
#include "unit/api/fake_service.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "api/time_text.hpp"

namespace holdpoint::api::test {

using event::mask;

namespace {

event::MaskedAccess access_of(const std::string& object, const std::vector<std::string>& argv) {
  event::MaskedAccess access;
  access.operation = argv.empty() ? "read" : "exec";
  access.object = mask(object);
  for (const auto& word : argv) access.argv.push_back(mask(word));
  access.executable = mask("/usr/bin/python3.11");
  access.directory = mask("/srv/code/shop");
  access.ancestors = {{4700, mask("bash ./agent.sh")},
                      {4600, mask("holdpoint run --agent coder -- ./agent.sh")}};
  if (!argv.empty()) {
    access.bound.push_back({mask("/srv/code/shop/migrate.sql"), std::string(64, 'a'), 4711,
                            mask("BEGIN;\nDELETE FROM orders;\n")});
    access.warnings.emplace_back("content not bound");
  }
  return access;
}

}  // namespace

approval::Session FakeService::make_session(const std::string& agent, const std::string& how,
                                            const approval::Principal& owner) {
  approval::Session session;
  session.id = next_session_++;
  session.agent = agent;
  session.cgroup_path = fmt::format("/holdpoint.slice/{}-{}.scope", agent, session.id);
  session.recognised_by = how;
  session.owner = owner;
  session.started = clock_.now().wall;
  return session;
}

std::uint64_t FakeService::add_session(const std::string& agent) {
  approval::Session session = make_session(agent, "run", {"unix", "1000", "ada"});
  session.claims = {mask("Ada Lovelace"), mask("clean up the order tables"), {{"env", "production"}}};
  const std::uint64_t id = session.id;
  carry_out(ledger_.open_session(std::move(session), clock_.now()));
  return id;
}

std::string FakeService::add_request(std::uint64_t session, const std::string& object,
                                     std::vector<std::string> argv, Duration timeout) {
  approval::NewHold hold;
  hold.hold.id = next_hold_++;
  hold.hold.kernel_digest = {hold.hold.id, 7};
  hold.hold.tid = hold.hold.tgid = 4711;
  hold.hold.since = clock_.now().wall;
  const approval::Session* owner = ledger_.session(session);
  hold.draft.digest = fmt::format("{:064x}", std::hash<std::string>{}(object + std::to_string(argv.size())));
  hold.draft.session = session;
  hold.draft.agent = owner != nullptr ? owner->agent : "coder";
  hold.draft.rule = {"private-keys", "Private keys leave this host only if a person says so.", 3, timeout};
  hold.draft.access = access_of(object, argv);
  hold.draft.comm = mask("python3");
  hold.draft.tgid = 4711;
  hold.draft.uid = 1000;
  const std::uint64_t id = hold.hold.id;
  carry_out(ledger_.hold(std::move(hold), clock_.now()));
  const approval::Request* request = ledger_.request_of_hold(id);
  return request != nullptr ? request->id : std::string();
}

void FakeService::expire() { carry_out(ledger_.expire(clock_.now())); }

void FakeService::record(const std::string& kind, const std::string& json) {
  const StreamEvent event{log_.size() + 1, kind, json};
  log_.push_back(event);
  const Callbacks now = *callbacks_;  // a callback may end its subscription
  for (const auto& [id, callback] : now) callback(event);
}

void FakeService::carry_out(const approval::Steps& steps) {
  for (const auto& step : steps) {
    const auto* note = std::get_if<approval::Note>(&step);
    if (note == nullptr) continue;
    nlohmann::json json{
        {"kind", note->kind}, {"time", rfc3339(clock_.now().wall)}, {"session", note->session}};
    if (!note->request.empty()) json["request"] = note->request;
    if (note->hold != 0) json["hold"] = note->hold;
    if (!note->detail.empty()) json["detail"] = note->detail;
    if (const approval::Session* session = ledger_.session(note->session)) json["agent"] = session->agent;
    if (const approval::Request* request = ledger_.request(note->request)) {
      json["operation"] = request->access.operation;
      json["object"] = request->access.object.text();
      json["rule"] = request->rule.id;
      if (request->decision && note->kind == "decision") json["approve"] = request->decision->approve;
    }
    record(note->kind, json.dump());
  }
}

std::expected<void, approval::DecideError> FakeService::decide(const std::string& request,
                                                               approval::Decision decision) {
  if (decision.reason.text() == disk_full)
    return std::unexpected(approval::DecideError{approval::DecideError::Kind::not_stored,
                                                 "the decision could not be stored: the disk is full",
                                                 "make room on the file system; nothing was changed"});
  if (decision.reason.text() == another_action) decision.digest = "another";
  auto steps = ledger_.decide(request, std::move(decision), clock_.now());
  if (!steps) return std::unexpected(steps.error());
  carry_out(*steps);
  return {};
}

std::expected<void, approval::DecideError> FakeService::revoke(const std::string& grant,
                                                               const approval::Principal& by) {
  auto steps = ledger_.revoke(grant, by, clock_.now());
  if (!steps) return std::unexpected(steps.error());
  carry_out(*steps);
  return {};
}

Result<approval::Session> FakeService::start_session(const Caller& caller, const NewSession& wanted) {
  last_session = wanted;
  if (wanted.agent == "unknown") {
    return fail("the policy declares no agent \"unknown\"", "declare it under agents:, or choose another");
  }
  approval::Session session = make_session(wanted.agent, "run", caller.principal);
  session.claims = wanted.claims;
  carry_out(ledger_.open_session(session, clock_.now()));
  return session;
}

Result<approval::Session> FakeService::tag(const Caller& caller, const TagTarget& target) {
  last_tag = target;
  if (target.unit == "missing.service")
    return std::unexpected(Error{"there is no unit missing.service", "", ENOENT});
  approval::Session session = make_session(target.agent, "tag", caller.principal);
  if (!target.cgroup.empty()) session.cgroup_path = target.cgroup;
  carry_out(ledger_.open_session(session, clock_.now()));
  return session;
}

Result<> FakeService::untag(const Caller&, std::uint64_t session) {
  carry_out(ledger_.end_session(session, clock_.now()));
  return {};
}

Result<approval::Lockdown> FakeService::lock_down(const Caller& caller, const approval::LockScope& scope,
                                                  const event::MaskedText& reason) {
  if (scope.agent == "unknown") return std::unexpected(Error{"no agent \"unknown\"", "", ENOENT});
  approval::Lockdown made{scope, reason, caller.principal, clock_.now().wall};
  approval::put(operators, made);
  return made;
}

Result<> FakeService::release(const Caller&, const approval::LockScope& scope) {
  if (approval::remove(operators, scope)) return {};
  return std::unexpected(Error{"there is no lockdown of " + approval::scope_phrase(scope), "", ENOENT});
}

Result<approval::Disarming> FakeService::disarm(const Caller& caller, Duration lifetime,
                                                const event::MaskedText& reason) {
  const auto now = clock_.now();
  operators.disarming =
      approval::Disarming{reason, caller.principal, now.wall, now.wall + lifetime,
                          BootTime{now.boot.nanoseconds + static_cast<std::uint64_t>(lifetime.count())}};
  return *operators.disarming;
}

Result<> FakeService::arm(const Caller&) {
  operators.disarming.reset();
  return {};
}

std::vector<ModeRow> FakeService::modes(const std::string& agent) const {
  std::vector<ModeRow> rows{{"coder", "", "enforce", "enforce", {}, {}, {}, true},
                            {"watched", "", "observe", "enforce", clock_.now().wall,
                             approval::Principal{"unix", "0", "root"}, mask("first day"), true}};
  if (!agent.empty()) std::erase_if(rows, [&](const ModeRow& row) { return row.agent != agent; });
  return rows;
}

Result<ModeRow> FakeService::set_mode(const Caller& caller, const ModeChange& change) {
  if (change.agent != "coder" && change.agent != "watched")
    return std::unexpected(Error{"no agent \"" + change.agent + "\"", "", ENOENT});
  last_mode = change;
  return ModeRow{change.agent,
                 change.rule,
                 change.mode.empty() ? "enforce" : change.mode,
                 "enforce",
                 clock_.now().wall,
                 caller.principal,
                 change.reason,
                 true};
}

Result<std::string> FakeService::check_policy(const std::string& file, const std::string& text) const {
  if (text.empty()) return fail(file + ":1:1: error: nothing is there");
  return "";
}

Result<std::string> FakeService::reload_policy(const Caller&) {
  if (reload_error) return std::unexpected(*reload_error);
  return "";
}

Health FakeService::health() const {
  Health health;
  health.lockdowns = operators.lockdowns;
  if (const auto* disarming = approval::disarming_at(operators, clock_.now().boot))
    health.disarming = *disarming;
  health.enforcing = healthy && !health.disarming;
  health.kernel = "6.1.0";
  health.version = "0.1.0";
  health.policy_generation = 3;
  health.policy_digest = std::string(64, 'd');
  health.policy_directory = policy_directory;
  health.observed = {"watched"};
  health.counters = {{"denied", 2}, {"lost-event", 0}};
  if (!healthy)
    health.problems.emplace_back("the programs are not attached: the kernel refused holdpoint_file_open");
  health.started = clock_.now().wall - std::chrono::hours(2);
  return health;
}

Result<std::vector<StreamEvent>> FakeService::records(std::uint64_t after, std::size_t limit) const {
  std::vector<StreamEvent> out;
  for (std::uint64_t i = after; i < log_.size() && out.size() < limit; ++i) out.push_back(log_[i]);
  return out;
}

Service::Subscription FakeService::subscribe(std::function<void(const StreamEvent&)> callback) {
  const std::uint64_t id = next_callback_++;
  callbacks_->emplace(id, std::move(callback));
  return {nullptr, [callbacks = callbacks_, id](void*) { callbacks->erase(id); }};
}

}  // namespace holdpoint::api::test
