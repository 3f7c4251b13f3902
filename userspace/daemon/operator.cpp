// SPDX-License-Identifier: Apache-2.0
#include "daemon/operator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "approval/text.hpp"
#include "base/log.hpp"
#include "daemon/bells.hpp"

namespace holdpoint::daemon {
namespace {

approval::Principal holdpoint_itself() { return {"system", "holdpointd", ""}; }

Result<> only_root(const api::Caller& caller) {
  if (caller.uid == 0) return {};
  return std::unexpected(
      Error{"only root stops agents and disarms rules", "run the command with sudo", EPERM});
}

// Both go into the store at once; the new state is in force when this returns without an error.
Result<> store_switches(Core& core, approval::OperatorState next, const std::vector<audit::Entry>& entries) {
  std::vector<approval::RecordBytes> records;
  for (const auto& entry : entries) records.push_back(core.recorder.keep(entry));
  const auto first = core.store.save({approval::SaveOperator{next}}, records);
  if (!first) {
    ++core.store_failures;
    log_error("store: {}", event::mask(first.error().text()));
    return std::unexpected(Error{first.error().message, first.error().hint, EIO});
  }
  core.recorder.write_kept(core.store, *first, std::move(records));
  core.operators = std::move(next);
  core.lockdown_not_stored = false;
  return {};
}

// For the direction that is safe: it is in force without the store, too, and in the log if that can be written.
void switch_safely(Core& core, const approval::OperatorState& next, const audit::Entry& entry) {
  if (store_switches(core, next, {entry})) return;
  core.operators = next;
  core.lockdown_not_stored = true;
  core.recorder.record(entry, audit::Durability::now);
}

kernel::LockedDown for_kernel(const Core& core) {
  kernel::LockedDown locked;
  for (const auto& [scope, reason, by, since] : core.operators.lockdowns) {
    if (scope.session != 0) locked.sessions.insert(scope.session);
    else if (scope.agent.empty()) locked.agents = kernel::LockedDown::kEverybody;
    else if (const auto id = policy::find_agent(core.policies.checked, scope.agent))
      locked.agents |= 1ULL << *id;
  }
  return locked;
}

// The session's cgroup with all below it. Processes that left it keep their tag, and are refused everything without being frozen.
void set_frozen(const Core& core, const hp_session& session, bool frozen) {
  const auto path = core.cgroups.path_of(session.cgroup);
  if (!path) return;
  if (auto done = core.cgroups.write(*path, "cgroup.freeze", frozen ? "1" : "0"); !done)
    log_error("{}", event::mask(done.error().text()));
}

const approval::Lockdown* lockdown_of(const Core& core, const approval::Request& request) {
  return approval::lockdown_of(core.operators, request.agent, request.session);
}

// What waits for a person in sessions that are stopped is denied, in the operator's name.
void deny_what_waits(Core& core) {
  std::vector<std::pair<std::string, approval::Lockdown>> waiting;
  for (const auto* request : core.ledger.requests())
    if (request->state == approval::RequestState::open)
      if (const auto* lockdown = lockdown_of(core, *request)) waiting.emplace_back(request->id, *lockdown);
  for (const auto& [id, lockdown] : waiting) {
    approval::Decision decision;
    decision.by = lockdown.by;
    decision.channel = "lockdown";
    const auto& reason = lockdown.reason.text();
    decision.reason = event::mask(reason.empty() ? "lockdown" : "lockdown: " + reason);
    const auto now = core.clock.now();
    if (const auto steps = core.ledger.decide(id, std::move(decision), now))
      (void)carry_out(core, *steps);  // it has told why not; the kernel refuses it all the same
  }
}

std::string agent_of(const Core& core, const approval::LockScope& scope) {
  if (scope.session == 0) return scope.agent;
  const auto* session = core.ledger.session(scope.session);
  return session == nullptr ? std::string() : session->agent;
}

Result<> is_known(const Core& core, const approval::LockScope& scope) {
  const auto* session = scope.session == 0 ? nullptr : core.ledger.session(scope.session);
  if (scope.session != 0 && (session == nullptr || session->ended))
    return std::unexpected(
        Error{fmt::format("no session {} is alive", scope.session), "holdpoint sessions lists them", ENOENT});
  if (!scope.agent.empty() && !policy::find_agent(core.policies.checked, scope.agent))
    return std::unexpected(
        Error{"no agent \"" + scope.agent + "\" in the policy", "holdpoint mode lists them", ENOENT});
  return {};
}

}  // namespace

Result<approval::Lockdown> lock_down(Core& core, const api::Caller& caller, const approval::LockScope& scope,
                                     const event::MaskedText& reason) {
  for (const auto& allowed : {only_root(caller), is_known(core, scope)})
    if (!allowed) return std::unexpected(allowed.error());
  approval::Lockdown lockdown{scope, reason, caller.principal, core.clock.now().wall};
  auto next = core.operators;
  approval::put(next, lockdown);
  const auto agent = agent_of(core, scope);
  switch_safely(core, next, audit::locked_down(scope, agent, reason, caller.principal));
  if (auto locked = core.switches->lock_down(for_kernel(core)); !locked) {
    (void)approval::remove(next, scope);
    switch_safely(core, next, audit::lockdown_released(scope, agent, holdpoint_itself()));
    return std::unexpected(
        Error{locked.error().message, "release lockdowns of sessions that ended, or stop the agent", ENOSPC});
  }
  log_warning("lockdown of {}", event::mask(approval::scope_phrase(scope)));
  stop_locked_down(core);
  return lockdown;
}

Result<> release_lockdown(Core& core, const api::Caller& caller, const approval::LockScope& scope) {
  if (auto allowed = only_root(caller); !allowed) return allowed;
  auto next = core.operators;
  if (!approval::remove(next, scope))
    return std::unexpected(Error{"there is no lockdown of " + approval::scope_phrase(scope),
                                 "holdpoint status lists those that are in force", ENOENT});
  const auto before = for_kernel(core);
  const auto entry = audit::lockdown_released(scope, agent_of(core, scope), caller.principal);
  if (auto stored = store_switches(core, std::move(next), {entry}); !stored) return stored;
  // Who was held and denied has not run since: its denial would be too old to be used.
  scan_holds(core);
  const auto after = for_kernel(core);
  if (auto released = core.switches->lock_down(after); !released) return released;
  for (const auto& [id, session] : core.programs->sessions())
    if (before.covers(session.agent, id) && !after.covers(session.agent, id))
      set_frozen(core, session, false);
  return {};
}

Result<approval::Disarming> disarm(Core& core, const api::Caller& caller, Duration lifetime,
                                   const event::MaskedText& reason) {
  if (auto allowed = only_root(caller); !allowed) return std::unexpected(allowed.error());
  if (lifetime <= Duration::zero() || lifetime > approval::kLongestDisarming)
    return fail("rules are disarmed for " + approval::duration_text(approval::kLongestDisarming) +
                    " at most, and for some time",
                "say it again when the time is over");
  if (reason.text().find_first_not_of(' ') == std::string::npos)
    return fail("disarming needs a reason", "it goes to the log, and to everybody who asks for the status");
  const auto now = core.clock.now();
  approval::Disarming disarming{
      reason, caller.principal, now.wall, now.wall + lifetime,
      BootTime{now.boot.nanoseconds + static_cast<std::uint64_t>(lifetime.count())}};
  auto next = core.operators;
  next.disarming = disarming;
  if (auto stored = store_switches(core, std::move(next), {audit::disarmed(disarming)}); !stored)
    return std::unexpected(stored.error());
  core.switches->disarm_until(disarming.until_boot);
  log_warning("the rules are disarmed for {}", event::mask(approval::duration_text(lifetime)));
  return disarming;
}

namespace {

void end_disarming(Core& core, const event::MaskedText& why, const approval::Principal& by) {
  auto next = core.operators;
  next.disarming.reset();
  core.switches->disarm_until({});  // before it is stored: it is the safe direction
  switch_safely(core, next, audit::armed(why, by));
}

}  // namespace

Result<> arm(Core& core, const api::Caller& caller) {
  if (auto allowed = only_root(caller); !allowed) return allowed;
  core.switches->disarm_until({});
  if (core.operators.disarming) end_disarming(core, {}, caller.principal);
  return {};
}

void look_at_disarming(Core& core) {
  if (!core.operators.disarming || approval::disarming_at(core.operators, core.clock.now().boot) != nullptr)
    return;
  end_disarming(core, event::mask("its time was over"), holdpoint_itself());
  log_info("the rules are armed again: the time of their disarming is over");
}

Result<> take_up_switches(Core& core, const std::vector<std::pair<std::string, std::uint32_t>>& published) {
  const auto found = core.switches->locked_down();
  const auto now = core.clock.now();
  auto next = core.operators;
  std::vector<audit::Entry> entries;
  const auto keep = [&](const approval::LockScope& scope) {
    const auto same = [&](const approval::Lockdown& known) { return known.scope == scope; };
    if (std::ranges::any_of(next.lockdowns, same)) return;
    const auto reason = event::mask("it was in force at the start of the daemon, and not in its store");
    approval::put(next, {scope, reason, holdpoint_itself(), now.wall});
    entries.push_back(audit::locked_down(scope, agent_of(core, scope), reason, holdpoint_itself()));
  };
  if (found.agents == kernel::LockedDown::kEverybody) keep({});
  else
    for (const auto& [name, id] : published)
      if ((found.agents >> (id % HP_MAX_AGENTS) & 1U) != 0) keep({name, 0});
  for (const auto id : found.sessions) keep({"", id});
  const bool both = next.disarming && next.disarming->until_boot == core.switches->disarmed_until() &&
                    now.boot < next.disarming->until_boot;
  if (!both) core.switches->disarm_until({});
  if (!both && next.disarming) {
    next.disarming.reset();
    entries.push_back(
        audit::armed(event::mask("its time was over when the daemon started"), holdpoint_itself()));
  }
  if (!entries.empty())
    if (auto stored = store_switches(core, next, entries); !stored) return stored;
  return core.switches->lock_down(for_kernel(core));
}

Result<> number_lockdowns(Core& core, bool both) {
  auto locked = for_kernel(core);
  if (both) locked.agents |= core.switches->locked_down().agents;
  return core.switches->lock_down(locked);
}

void stop_locked_down(Core& core) {
  const auto locked = for_kernel(core);
  if (locked == kernel::LockedDown{}) return;
  for (const auto& [id, session] : core.programs->sessions())
    if (locked.covers(session.agent, id)) set_frozen(core, session, true);
  deny_what_waits(core);
}

bool is_locked_down(const Core& core, std::uint64_t id) {
  const auto session = core.programs->session(id);
  return session && for_kernel(core).covers(session->agent, id);
}

void stop_if_locked_down(Core& core, std::uint64_t id) {
  if (core.operators.lockdowns.empty() || !is_locked_down(core, id)) return;
  if (const auto session = core.programs->session(id)) set_frozen(core, *session, true);
  deny_what_waits(core);
}

}  // namespace holdpoint::daemon
