// SPDX-License-Identifier: Apache-2.0
#include "daemon/bells.hpp"

#include <signal.h>

#include <set>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "daemon/content.hpp"
#include "daemon/operator.hpp"
#include "daemon/sessions.hpp"
#include "kernel/process.hpp"
#include "kernel/signal.hpp"

namespace holdpoint::daemon {
namespace {

// A store that cannot write leaves the thread held; carry_out has told why.
bool settle(Core& core, const approval::Steps& steps) { return carry_out(core, steps).has_value(); }

void signalled_thread(Core& core, std::uint64_t id, HeldThread& thread, std::uint32_t signal);

constexpr std::uint64_t bit_of(int signal) { return 1ULL << (signal - 1); }
constexpr std::uint64_t kStops = bit_of(SIGSTOP) | bit_of(SIGTSTP) | bit_of(SIGTTIN) | bit_of(SIGTTOU);

// Before the thread is parked, which continues its process. A stop that waits for the process is a person's: the hold's own was sent
// to the thread.
void look_for_a_stop(HeldThread& thread) {
  const auto masks = kernel::signal_masks(thread.tgid, thread.tid);
  if ((masks.common & ~masks.blocked & ~masks.caught & kStops) != 0) thread.user_stopped = true;
}

// After it is parked: what was sent before its bell rang for a thread that was not known to be held, or was about to run, and a
// frozen thread does not take it. What is sent from now on rings again.
void look_for_signals(Core& core, std::uint64_t id, std::uint64_t more = 0) {
  const auto known = core.held.find(id);
  if (known == core.held.end()) return;
  const auto masks = kernel::signal_masks(known->second.tgid, known->second.tid);
  const auto waiting = (masks.own | masks.common) & ~masks.blocked & ~bit_of(SIGCONT);
  for (int signal = 1; signal <= 64; ++signal)
    if (const auto thread = core.held.find(id);
        ((waiting | more) & bit_of(signal)) != 0 && thread != core.held.end())
      signalled_thread(core, id, thread->second, static_cast<std::uint32_t>(signal));
}

// The question about a hold is complete.
void place_hold(Core& core, approval::NewHold asked) {
  const auto id = asked.hold.id;
  const auto session = asked.draft.session;
  const auto signals = core.being_read.contains(id) ? core.being_read.at(id).signals : 0;
  core.being_read.erase(id);
  const bool refused = asked.hold.state == approval::HoldState::refused;
  // Seen before (the daemon was away, or the thread ran a handler), and its program would now read something else.
  const auto* before = core.ledger.request_of_hold(id);
  const bool changed = before != nullptr && reads_content(*before) && before->digest != asked.draft.digest;
  const auto now = core.clock.now();
  if (const auto thread = core.held.find(id); thread != core.held.end()) look_for_a_stop(thread->second);
  const bool filed = settle(
      core, changed ? core.ledger.ask_again(std::move(asked), now) : core.ledger.hold(std::move(asked), now));
  stop_if_locked_down(core, session);  // the lockdown came while its question was being made
  // What could not be filed is found again by the next scan.
  if (refused && filed) core.programs->remove_refused(id);
  look_for_signals(core, id, signals);
  core.deadlines_moved();
}

// `again`: it is suspended once more, since somebody continued it. It keeps its request.
void begin_hold(Core& core, std::uint64_t id, bool again) {
  const auto known = core.held.find(id);
  if (again && known != core.held.end()) {
    known->second.user_stopped = false;  // it ran: that stop is over
    known->second.running = false;
  }
  if (again && known != core.held.end() && core.parking.parked(id)) {
    look_for_a_stop(known->second);
    core.parking.park(id, known->second, known->second.user_stopped);
    look_for_signals(core, id);
    return;
  }
  if (core.being_read.contains(id)) return;  // it is asked about in a moment
  const auto access = core.programs->hold(id);
  if (!access) return;  // over already
  const auto& fixed = access->fixed;
  const bool refused = (fixed.flags & HP_ACCESS_REFUSED) != 0;
  const int tgid = static_cast<int>(fixed.tgid);
  if (!refused)
    core.held.try_emplace(id, HeldThread{{tgid, static_cast<int>(fixed.tid), fixed.start_time}, false});
  know_session(core, fixed.identity.session);
  ask_about(core, *access, [&core](approval::NewHold asked) { place_hold(core, std::move(asked)); });
}

const char* ending_text(std::uint32_t how) {
  switch (how) {
    case HP_ENDED_EXIT: return "the process ended";
    case HP_ENDED_OTHER: return "the process went on to something else, or what it would execute has changed";
    case HP_ENDED_MOOT: return "the file existed already";
    case HP_ENDED_DENIED: return "denied by the policy now in force";
    case HP_ENDED_LOCKED: return "refused by a lockdown";
    default: return "it could not be held any longer";
  }
}

void end_hold(Core& core, std::uint64_t id, std::uint32_t how) {
  const auto thread = core.held.find(id);
  if (thread != core.held.end()) {
    if (how != HP_ENDED_EXIT) core.parking.release(id, thread->second, thread->second.user_stopped);
    else core.parking.forget(id);
    core.held.erase(thread);
  }
  core.programs->remove_answer(id);
  core.programs->unbind(id);
  core.contents.erase(id);
  core.being_read.erase(id);
  settle(core, core.ledger.end_hold(id, ending_text(how), false, core.clock.now()));
}

void consumed(Core& core, std::uint64_t id, bool allowed) {
  core.held.erase(id);
  core.contents.erase(id);
  if (!allowed) core.programs->unbind(id);
  settle(core, core.ledger.consumed(id, allowed, core.clock.now()));
}

bool terminating(std::uint32_t signal) {
  return signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT;
}
bool stopping(std::uint32_t signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// It takes its signal, and comes back to its hook by itself. Once: another continuation would end its next stop, whose bell would
// then park it in the middle of a handler. What is sent meanwhile is found when it is parked again.
void let_run(Core& core, std::uint64_t id, HeldThread& thread) {
  if (thread.running) return;
  thread.running = true;
  core.parking.release(id, thread, thread.user_stopped);
}

// One that ends the process cancels the hold; others let its handlers run: the thread is thawed, its call comes back to the
// hook, and it is held again under the same number.
void signalled_thread(Core& core, std::uint64_t id, HeldThread& thread, std::uint32_t signal) {
  const auto masks = kernel::signal_masks(thread.tgid, thread.tid);
  if (masks.blocks(signal)) {
    // Not for this thread. Its siblings can take it, if they run.
    if (core.parking.how(id) != kernel::ParkedAs::frozen) let_run(core, id, thread);
  } else if (stopping(signal) && !masks.catches(signal)) {
    thread.user_stopped = true;
  } else if (const auto reading = core.being_read.find(id);
             terminating(signal) && reading != core.being_read.end()) {
    reading->second.signals |= 1ULL << (signal - 1);  // ends the hold as soon as it is one
  } else if (terminating(signal)) {
    const auto name = std::string("signal SIG") + ::sigabbrev_np(static_cast<int>(signal));
    settle(core, core.ledger.end_hold(id, name, true, core.clock.now()));
  } else {
    let_run(core, id, thread);
  }
}

// su and sudo stop themselves, or their process group, when they see their command stop, and wait to be continued. What they
// saw was our stop, which is over. A stop that a person sent reaches the held command too, and is left alone.
void continue_ancestor(const Core& core, int tgid, int sender) {
  for (const auto& [id, thread] : core.held)
    if (!thread.user_stopped && kernel::descends_from(thread.tgid, sender)) {
      // The descriptor first, then the look: what gets the signal is an agent's, and not whoever has its number now.
      const auto process = kernel::open_process(tgid);
      if (process && core.programs->is_tagged(tgid)) kernel::send_signal(process, SIGCONT);
      return;
    }
}

// A signal for a tagged process, sent while `sender` was the current process (0: not one of its session).
void signalled(Core& core, int tgid, int sender, std::uint32_t signal) {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, thread] : core.held)
    if (thread.tgid == tgid) ids.push_back(id);
  for (const auto id : ids) signalled_thread(core, id, core.held.at(id), signal);
  if (ids.empty() && signal == SIGSTOP && sender != 0) continue_ancestor(core, tgid, sender);
}

// What an access that was only observed would have met.
policy::Outcome would_be(policy::Outcome outcome, const hp_access& fixed) {
  const bool exec = (fixed.identity.operations & (1U << HP_OP_EXEC)) != 0;
  if (outcome.verdict == HP_ALLOW && exec && (fixed.flags & HP_ACCESS_UNLINKED) != 0) {
    outcome.verdict = HP_ASK;
    outcome.reason = "A program without a name cannot be looked at later";
  }
  return outcome;
}

audit::Entry entry_of(const Core& core, const event::Event& event) {
  const auto& fixed = event.access.fixed;
  audit::KernelView view;
  view.agent = core.policies.agent_name(fixed.identity.agent);
  const auto outcome = core.policies.outcome(fixed.identity.agent, fixed.rule, fixed.policy_generation);
  if (fixed.cause == HP_CAUSE_RULE || event.kind == HP_EVENT_GRANTED || event.kind == HP_EVENT_DISARMED)
    view.rule = outcome.id;
  if (event.kind == HP_EVENT_OBSERVED) {
    const auto would = would_be(outcome, fixed);
    view.verdict = would.verdict == HP_DENY ? "deny" : "ask";
    view.reason = event::mask(would.reason);
  }
  view.access = event::mask(event.access, kernel::read_process(static_cast<int>(fixed.tgid)), {}, {});
  view.comm = event::mask(std::string_view(fixed.comm, ::strnlen(fixed.comm, sizeof(fixed.comm))));
  return audit::kernel_event(event, view);
}

// Everything that makes two denials of a session different, but not which process of it tried.
Denial denial_of(const Core& core, const event::Event& event) {
  const auto& fixed = event.access.fixed;
  const auto cause = event::cause_text(fixed.cause);
  std::string key = cause + " " + std::to_string(fixed.rule) + " ";
  key.append(reinterpret_cast<const char*>(&fixed.identity), sizeof(fixed.identity));
  return {fixed.identity.session, core.policies.agent_name(fixed.identity.agent), cause,
          key + event.access.path};
}

// The same for what was let pass since a rule is only observed; counted by what would have been said, and the rule.
Denial observation_of(const Core& core, const event::Event& event) {
  const auto& fixed = event.access.fixed;
  auto observed = denial_of(core, event);
  const auto outcome = core.policies.outcome(fixed.identity.agent, fixed.rule, fixed.policy_generation);
  observed.cause = (would_be(outcome, fixed).verdict == HP_DENY ? "deny " : "ask ") + outcome.id;
  return observed;
}

// A rule that is only observed, allows and says `log`: nothing else would have happened.
bool only_logged(const Core& core, const hp_access& fixed) {
  const auto outcome = core.policies.outcome(fixed.identity.agent, fixed.rule, fixed.policy_generation);
  return would_be(outcome, fixed).verdict == HP_ALLOW;
}

void record_event(Core& core, std::span<const std::byte> bytes) {
  auto event = event::decode_event(bytes);
  if (!event) {
    log_error("event: {}", event::mask(event.error().text()));
    return;
  }
  know_session(core, event->access.fixed.identity.session);
  if (event->kind == HP_EVENT_OBSERVED && only_logged(core, event->access.fixed))
    event->kind = HP_EVENT_LOGGED;
  const auto make = [&] { return entry_of(core, *event); };
  std::optional<audit::Entry> entry;
  // What passes while the rules are disarmed would have been denied or asked about: as many as that.
  if (event->kind == HP_EVENT_DENIED || event->kind == HP_EVENT_GUARD || event->kind == HP_EVENT_DISARMED)
    entry = core.denials.happened(denial_of(core, *event), make, core.clock.now().boot);
  else if (event->kind == HP_EVENT_OBSERVED)
    entry = core.observations.happened(observation_of(core, *event), make, core.clock.now().boot);
  else entry = make();
  if (entry) core.recorder.record(*entry);
}

}  // namespace

bool answer_bells(Core& core) {
  bool sweep = false;
  const bool more = core.programs->drain(
      [&](const hp_bell& bell) {
        switch (bell.kind) {
          case HP_BELL_HOLD: return begin_hold(core, bell.id, bell.argument != 0);
          case HP_BELL_CONSUMED: return consumed(core, bell.id, bell.argument == HP_ALLOW);
          case HP_BELL_ENDED: return end_hold(core, bell.id, bell.argument);
          case HP_BELL_SIGNAL:
            return signalled(core, static_cast<int>(bell.id), static_cast<int>(bell.id >> 32), bell.argument);
          case HP_BELL_SESSION: return hear_of_session(core, bell.id);
          case HP_BELL_CGROUP_GONE: return cgroup_gone(core, bell.id, bell.argument != 0);
          case HP_BELL_ATTACH: sweep = true; return;
          default: log_error("unknown bell {}", bell.kind);
        }
      },
      [&](std::span<const std::byte> bytes) { record_event(core, bytes); });
  // The tracepoint names the leader only; the other threads are tagged here, or by their first hook.
  if (!sweep) return more;
  if (auto swept = core.programs->sweep(); !swept) log_error("{}", event::mask(swept.error().text()));
  return more;
}

void scan_holds(Core& core) {
  const auto kernel_holds = core.programs->holds();
  settle(core, core.ledger.reconcile(kernel_holds, core.clock.now()));
  // Threads whose last bell was lost: over, without anybody having said so.
  const std::set<std::uint64_t> alive(kernel_holds.begin(), kernel_holds.end());
  for (auto thread = core.held.begin(); thread != core.held.end();) {
    if (alive.contains(thread->first)) {
      ++thread;
      continue;
    }
    core.parking.forget(thread->first);
    thread = core.held.erase(thread);
  }
  for (const auto id : kernel_holds)
    if (core.ledger.request_of_hold(id) == nullptr || !core.held.contains(id)) begin_hold(core, id, false);
    else if (!core.held.at(id).running) look_for_signals(core, id);
}

}  // namespace holdpoint::daemon
