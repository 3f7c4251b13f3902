// SPDX-License-Identifier: Apache-2.0
// What the API needs from the rest of the daemon. Implemented by daemon/; by a fake in tests. Thread: the daemon's loop;
// no call blocks longer than one fsync of the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "approval/ledger.hpp"
#include "base/result.hpp"

namespace holdpoint::api {

// Who is calling, from SO_PEERCRED of the connected unix socket (never from anything in the request).
struct Caller {
  int pid = 0;
  unsigned uid = 0;
  unsigned gid = 0;
  approval::Principal principal;
  bool may_decide = false;  // root or member of the group `holdpoint`
};

struct Health {
  bool enforcing =
      false;           // programs attached, armed and not taken away from below, and the rules not disarmed
  std::string kernel;  // release
  std::string version;
  std::uint32_t policy_generation = 0;
  std::string policy_digest;
  std::string policy_directory;
  std::vector<std::string> observed;  // agents that are only observed
  std::vector<std::pair<std::string, std::uint64_t>>
      counters;                                  // name, value: kernel and daemon losses by reason
  std::vector<std::string> problems;             // for a person: what is wrong now; empty = all well
  std::vector<approval::Lockdown> lockdowns;     // in force
  std::optional<approval::Disarming> disarming;  // in force; then `enforcing` is false
  WallTime started;
};

struct NewSession {
  std::string agent;
  int pid =
      0;  // process to put into a cgroup of its own; must be the caller's child and have the caller's uid
  approval::Claims claims;
};
struct TagTarget {
  std::string agent;
  std::string cgroup;  // "/system.slice/x.service"; or
  int pid = 0;         // the cgroup of this process; or
  std::string unit;    // a systemd unit's cgroup
};

// The mode of an agent, or of one of its rules.
struct ModeRow {
  std::string agent;
  std::string rule;               // empty: the agent itself
  std::string mode;               // in force: "enforce", "observe"
  std::string written;            // what the policy files say; empty: they have no such agent or rule
  std::optional<WallTime> since;  // an operator said so; else the policy files do
  std::optional<approval::Principal> by;
  event::MaskedText reason;
  bool known = true;  // the policy has this agent and rule
};
struct ModeChange {
  std::string agent;
  std::string rule;  // empty: the agent itself
  std::string mode;  // "enforce", "observe"; empty: as the policy files say
  event::MaskedText reason;
};

// One thing that happened, for the event stream and `log`: a masked record as JSON.
struct StreamEvent {
  std::uint64_t sequence = 0;  // of the record log; an SSE client resumes after its Last-Event-ID
  std::string kind;            // record kind
  std::string json;
};

class Service {
 public:
  virtual ~Service() = default;
  // True when the process carries an agent's tag, or when that cannot be told. The kernel keeps tagged processes from
  // connecting at all; the API asks again at accept and before each call, so that one missed hook opens nothing.
  [[nodiscard]] virtual bool caller_is_tagged(int pid) const = 0;
  [[nodiscard]] virtual const approval::Ledger& ledger() const = 0;
  // Whether what the programs of a request would read is known as of now. If not, an approval has to wait for read_content,
  // which calls back once, later, on the loop: their file system may take its time.
  [[nodiscard]] virtual bool content_known(const std::string&) const { return true; }
  virtual void read_content(const std::string&, std::function<void()> done) { done(); }
  // Durable and effective when it returns.
  [[nodiscard]] virtual std::expected<void, approval::DecideError> decide(const std::string& request,
                                                                          approval::Decision decision) = 0;
  [[nodiscard]] virtual std::expected<void, approval::DecideError> revoke(const std::string& grant,
                                                                          const approval::Principal& by) = 0;
  [[nodiscard]] virtual Result<approval::Session> start_session(const Caller& caller,
                                                                const NewSession& wanted) = 0;
  [[nodiscard]] virtual Result<approval::Session> tag(const Caller& caller, const TagTarget& target) = 0;
  [[nodiscard]] virtual Result<> untag(const Caller& caller, std::uint64_t session) = 0;
  // Stops and lets go of agents; disarms the rules for a time, and arms them again. Durable and effective when they return.
  // Error ENOENT: no such agent or session, or no lockdown of exactly that scope.
  [[nodiscard]] virtual Result<approval::Lockdown> lock_down(const Caller& caller,
                                                             const approval::LockScope& scope,
                                                             const event::MaskedText& reason) = 0;
  [[nodiscard]] virtual Result<> release(const Caller& caller, const approval::LockScope& scope) = 0;
  [[nodiscard]] virtual Result<approval::Disarming> disarm(const Caller& caller, Duration lifetime,
                                                           const event::MaskedText& reason) = 0;
  [[nodiscard]] virtual Result<> arm(const Caller& caller) = 0;
  // Whether a lockdown covers the session.
  [[nodiscard]] virtual bool is_locked_down(const approval::Session& session) const = 0;
  // With the name of an agent: it and all its rules; else all agents, with the rules that have a mode of their own.
  [[nodiscard]] virtual std::vector<ModeRow> modes(const std::string& agent) const = 0;
  [[nodiscard]] virtual bool is_observed(const std::string& agent) const = 0;
  // Durable and effective when it returns.
  [[nodiscard]] virtual Result<ModeRow> set_mode(const Caller& caller, const ModeChange& change) = 0;
  // What would be warned of if the policy directory had this file, too. Error: all that would be wrong.
  [[nodiscard]] virtual Result<std::string> check_policy(const std::string& file,
                                                         const std::string& text) const = 0;
  // Reads the policy directory again. Warnings. Error: all that is wrong; the policy in force stays.
  [[nodiscard]] virtual Result<std::string> reload_policy(const Caller& caller) = 0;
  [[nodiscard]] virtual Health health() const = 0;
  // Records after `after` (0 = from the oldest kept), at most `limit`, oldest first.
  [[nodiscard]] virtual Result<std::vector<StreamEvent>> records(std::uint64_t after,
                                                                 std::size_t limit) const = 0;
  // Calls back for each new record until the returned token is dropped. The callback must not block.
  using Subscription = std::shared_ptr<void>;
  [[nodiscard]] virtual Subscription subscribe(std::function<void(const StreamEvent&)> callback) = 0;
};

}  // namespace holdpoint::api
