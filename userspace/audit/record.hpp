// SPDX-License-Identifier: Apache-2.0
// Makes the records of the audit log. The functions below are the only makers of an Entry, an Entry is the only thing that
// the log takes, and they take masked values only: a raw path or argument cannot reach the log.
//
// Strings of approval's values (agent, rule, names) are masked once more on their way in, since policies and cgroups are
// written by people. Pure; sequence, host and time are added by the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "approval/ledger.hpp"
#include "approval/values.hpp"
#include "base/loggable.hpp"
#include "event/mask.hpp"
#include "holdpoint/record.pb.h"

namespace holdpoint::audit {

// A record that has no place in the log yet.
class Entry {
 public:
  [[nodiscard]] const v1::Record& record() const { return record_; }

 private:
  friend class EntryMaker;  // record_fill.hpp
  explicit Entry(v1::Record record) : record_(std::move(record)) {}
  v1::Record record_;
};

struct Build {
  event::MaskedText version;
  event::MaskedText kernel;   // release
  std::string binary_digest;  // SHA-256, lower-case hex; anything else is left out
  std::string bpf_digest;
};
[[nodiscard]] Entry daemon_started(const Build& build);
[[nodiscard]] Entry daemon_stopped(const event::MaskedText& reason);

struct PolicyView {
  std::uint32_t generation = 0;
  std::string digest;  // of the files' bytes: SHA-256, lower-case hex
  std::vector<event::MaskedText> files;
  event::MaskedText origin;  // "start", "reload"
};
[[nodiscard]] Entry policy_loaded(const PolicyView& policy, const approval::Principal& by);
[[nodiscard]] Entry policy_refused(const event::MaskedText& error, const approval::Principal& by);

struct ModeView {
  std::string agent;
  std::string rule;  // empty: of the agent itself
  std::string from;
  std::string to;
  bool as_policy = false;
  event::MaskedText reason;
};
[[nodiscard]] Entry mode_changed(const ModeView& view, const approval::Principal& by);

[[nodiscard]] Entry session_started(const approval::Session& session);
[[nodiscard]] Entry session_ended(const approval::Session& session, const event::MaskedText& how);

[[nodiscard]] Entry held(const approval::Request& request, const approval::Hold& hold);
[[nodiscard]] Entry request_opened(const approval::Request& request);
// The decision in `request`; without one the record says so as denied by nobody.
[[nodiscard]] Entry decided(const approval::Request& request);
[[nodiscard]] Entry expired(const approval::Request& request);
[[nodiscard]] Entry cancelled(const approval::Request& request, std::uint64_t hold,
                              const event::MaskedText& how);
[[nodiscard]] Entry superseded(const approval::Request& request, const event::MaskedText& why);
[[nodiscard]] Entry released(const approval::Request& request, std::uint64_t hold, bool allowed,
                             const event::MaskedText& detail);
[[nodiscard]] Entry grant_made(const approval::Grant& grant);
[[nodiscard]] Entry grant_revoked(const approval::Grant& grant, const event::MaskedText& how,
                                  const approval::Principal& by);

// What the kernel did by itself, from ring `events` (event::decode_event). Numbers come from the access, names from the
// daemon's tables.
struct KernelView {
  std::string agent;
  std::string rule;   // id of the rule that decided; empty when `cause` is another
  std::string grant;  // HP_EVENT_GRANTED: where it is known
  event::MaskedAccess access;
  event::MaskedText comm;
  std::string verdict;       // HP_EVENT_OBSERVED: what would have been said, "ask" or "deny",
  event::MaskedText reason;  // and why
};
// Every hp_event_kind has its kind of record.
[[nodiscard]] Entry kernel_event(const event::Event& event, const KernelView& view);

// What an operator switched. `scope`: whom a lockdown is about; `agent`: of a session, where it is known.
[[nodiscard]] Entry locked_down(const approval::LockScope& scope, const std::string& agent,
                                const event::MaskedText& reason, const approval::Principal& by);
[[nodiscard]] Entry lockdown_released(const approval::LockScope& scope, const std::string& agent,
                                      const approval::Principal& by);
[[nodiscard]] Entry disarmed(const approval::Disarming& disarming);
[[nodiscard]] Entry armed(const event::MaskedText& reason, const approval::Principal& by);

// Denials, or observations, that have no record of their own: `entry` is one of them (or a touch of the guard, or what passed while
// disarmed), `times` how many more.
[[nodiscard]] Entry repeated(const Entry& entry, std::uint64_t times);
// `times` denials of a session by `cause`, of different accesses. Of cause "disarmed": accesses that passed.
[[nodiscard]] Entry more_denials(const std::string& agent, std::uint64_t session, const std::string& cause,
                                 std::uint64_t times);

// `times` accesses of a session that a rule let pass since it is only observed. `what`: verdict and rule, "deny ssh-keys".
[[nodiscard]] Entry more_observed(const std::string& agent, std::uint64_t session, const std::string& what,
                                  std::uint64_t times);

// Counted losses: ring buffers, and what the log itself could not write. `count` 0: not known.
[[nodiscard]] Entry lost(Literal reason, std::uint64_t count, std::uint64_t bytes = 0);

// What the ledger wants recorded. `request`, `grant` and `session` are those that the note names, null where it names none
// or they are gone; `access` is what was refused, for a denial. Any kind of note gives a record: one that is not known
// becomes a Lost record that names it, so that a new kind of note is seen and not dropped.
struct NoteSubjects {
  const approval::Request* request = nullptr;
  const approval::Grant* grant = nullptr;
  const approval::Session* session = nullptr;
  const event::MaskedAccess* access = nullptr;
};
[[nodiscard]] Entry from_note(const approval::Note& note, const NoteSubjects& subjects);

}  // namespace holdpoint::audit
