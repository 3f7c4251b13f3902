// SPDX-License-Identifier: Apache-2.0
#include "daemon/service.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "api/time_text.hpp"
#include "approval/text.hpp"
#include "daemon/content.hpp"
#include "daemon/operator.hpp"
#include "daemon/publish.hpp"
#include "daemon/sessions.hpp"
#include "daemon/version.hpp"

namespace holdpoint::daemon {

CoreService::CoreService(Core& core, std::function<void()> changed)
    : core_(core), changed_(std::move(changed)), started_(core.clock.now().wall) {}

bool CoreService::caller_is_tagged(int pid) const { return core_.programs->is_tagged(pid); }

std::expected<void, approval::DecideError> CoreService::finish(
    std::expected<approval::Steps, approval::DecideError> steps) {
  if (!steps) return std::unexpected(steps.error());
  if (auto done = carry_out(core_, *steps); !done)
    return std::unexpected(approval::DecideError{
        approval::DecideError::Kind::not_stored,
        "the decision could not be stored, so it did not take effect: " + done.error().message,
        done.error().hint});
  changed_();
  return {};
}

bool CoreService::content_known(const std::string& request) const {
  return daemon::content_known(core_, request);
}
void CoreService::read_content(const std::string& request, std::function<void()> done) {
  daemon::read_content(core_, request, std::move(done));
}

std::expected<void, approval::DecideError> CoreService::decide(const std::string& request,
                                                               approval::Decision decision) {
  if (decision.approve)
    if (auto shown = content_as_shown(core_, request); !shown) return shown;
  return finish(core_.ledger.decide(request, std::move(decision), core_.clock.now()));
}

std::expected<void, approval::DecideError> CoreService::revoke(const std::string& grant,
                                                               const approval::Principal& by) {
  return finish(core_.ledger.revoke(grant, by, core_.clock.now()));
}

Result<approval::Session> CoreService::start_session(const api::Caller& caller,
                                                     const api::NewSession& wanted) {
  return daemon::start_session(core_, caller, wanted);
}
Result<approval::Session> CoreService::tag(const api::Caller& caller, const api::TagTarget& target) {
  return daemon::tag(core_, caller, target);
}
Result<> CoreService::untag(const api::Caller& caller, std::uint64_t session) {
  return daemon::untag(core_, caller, session);
}

Result<approval::Lockdown> CoreService::lock_down(const api::Caller& caller, const approval::LockScope& scope,
                                                  const event::MaskedText& reason) {
  return daemon::lock_down(core_, caller, scope, reason);
}
Result<> CoreService::release(const api::Caller& caller, const approval::LockScope& scope) {
  return release_lockdown(core_, caller, scope);
}
Result<approval::Disarming> CoreService::disarm(const api::Caller& caller, Duration lifetime,
                                                const event::MaskedText& reason) {
  return daemon::disarm(core_, caller, lifetime, reason);
}
Result<> CoreService::arm(const api::Caller& caller) { return daemon::arm(core_, caller); }
bool CoreService::is_locked_down(const approval::Session& session) const {
  return approval::lockdown_of(core_.operators, session.agent, session.id) != nullptr;
}

std::vector<api::ModeRow> CoreService::modes(const std::string& agent) const {
  return core_.modes.rows(core_.policies, agent);
}

bool CoreService::is_observed(const std::string& agent) const {
  const auto id = policy::find_agent(core_.policies.checked, agent);
  return id && policy::agent_mode(core_.policies.checked.agents[*id], core_.modes.overrides()) ==
                   policy::Mode::observe;
}

Result<api::ModeRow> CoreService::set_mode(const api::Caller& caller, const api::ModeChange& change) {
  return daemon::set_mode(core_, caller, change);
}

Result<std::string> CoreService::check_policy(const std::string& file, const std::string& text) const {
  return check_candidate(core_.config, {core_.config.policy_directory + "/" + file, text});
}

Result<std::string> CoreService::reload_policy(const api::Caller& caller) {
  if (auto done = reload_policies(core_, caller.principal); !done) return std::unexpected(done.error());
  return core_.policies.warnings;
}

api::Health CoreService::health() const {
  api::Health health;
  utsname names{};
  ::uname(&names);
  health.lockdowns = core_.operators.lockdowns;
  if (const auto* disarming = approval::disarming_at(core_.operators, core_.clock.now().boot)) {
    health.disarming = *disarming;
    health.problems.push_back(fmt::format("the rules are DISARMED until {}, by {}: {}",
                                          api::rfc3339(disarming->until),
                                          approval::principal_text(disarming->by), disarming->reason.text()));
  }
  health.enforcing = !health.disarming && core_.guard_missing.empty();
  if (!core_.guard_missing.empty()) health.problems.push_back(core_.guard_missing);
  if (core_.lockdown_not_stored)
    health.problems.emplace_back(
        "what an operator switched last is in force, but could not be stored: a restart of the host ends it");
  health.kernel = names.release;
  health.version = kVersion;
  health.policy_generation = core_.policies.generation;
  health.policy_digest = core_.policies.checked.digest;
  health.policy_directory = core_.config.policy_directory;
  for (const auto& agent : core_.policies.checked.agents)
    if (is_observed(agent.name)) health.observed.push_back(agent.name);
  health.counters = core_.programs->counters();
  health.counters.emplace_back("store_failures", core_.store_failures);
  health.counters.emplace_back("records_not_written", core_.recorder.losing());
  health.counters.emplace_back("denials_counted", core_.denials.counted());
  health.counters.emplace_back("observed_counted", core_.observations.counted());
  health.counters.emplace_back("content_not_read", core_.workers->given_up());
  health.counters.emplace_back("content_readers_stuck", core_.workers->stuck());
  health.started = started_;
  if (core_.store_failures != 0)
    health.problems.emplace_back("the store could not write; what was not stored stays held (disk full?)");
  if (core_.recorder.losing() != 0)
    health.problems.emplace_back("records are being lost: the record log cannot be written");
  if (core_.workers->stuck() != 0)
    health.problems.push_back(fmt::format(
        "{} reads of an agent's files do not end: its file system does not answer, and its content is "
        "not bound",
        core_.workers->stuck()));
  if (core_.recorder.behind())
    health.problems.emplace_back("records wait in the store: the record log cannot be written (disk full?)");
  for (const auto& [name, value] : health.counters)
    if (name == "lost_events" && value != 0)
      health.problems.push_back(
          fmt::format("{} records of denials were lost: more came than the ring holds", value));
  return health;
}

Result<std::vector<api::StreamEvent>> CoreService::records(std::uint64_t after, std::size_t limit) const {
  return core_.recorder.read(after, limit);
}
api::Service::Subscription CoreService::subscribe(std::function<void(const api::StreamEvent&)> callback) {
  return core_.recorder.subscribe(std::move(callback));
}

}  // namespace holdpoint::daemon
