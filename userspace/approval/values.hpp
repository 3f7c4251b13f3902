// SPDX-License-Identifier: Apache-2.0
// What people are asked, what they answer, and what follows from it: plain values, all masked already.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "event/mask.hpp"

namespace holdpoint::approval {

using event::MaskedText;

// Who acts. Kinds: "unix" (id = uid in decimal, from kernel credentials), "system" (id = "holdpointd").
struct Principal {
  std::string kind;
  std::string id;
  std::string name;  // for display only: login name
  friend bool operator==(const Principal&, const Principal&) = default;
};

enum class RequestState { open, approved, denied, expired, cancelled, superseded };
enum class Scope { once, session, duration };

// What the policy said about the access when it was held.
struct RuleView {
  std::string id;
  std::string reason;
  std::uint32_t generation = 0;  // of the published policy
  Duration timeout{};            // until the request expires; expiry denies
};

// One thread suspended (or refused at once) in one access.
enum class HoldState { held, refused, released, ended };
struct Hold {
  std::uint64_t id = 0;                          // the kernel's; never reused
  std::array<std::uint64_t, 2> kernel_digest{};  // an answer must repeat it
  int tid = 0;
  int tgid = 0;
  std::uint64_t start_time = 0;  // boot time of the group leader's start, ns: with tgid names one process
  WallTime since;
  HoldState state = HoldState::held;
  std::optional<bool>
      answered;  // the verdict it was given: true = allow. Once set, it only turns from that to false (withhold)
  std::string ended_how;  // for released/ended: "approved", "denied", "expired", "exit", "signal", "other", …
  friend bool operator==(const Hold&, const Hold&) = default;
};

struct Decision {
  bool approve = false;
  Scope scope = Scope::once;
  Duration lifetime{};  // scope duration only
  MaskedText reason;    // may be empty for approve, required for deny
  Principal by;
  std::string channel;  // "unix-api", …
  std::string digest;   // of the action that the person saw; empty: not said. Another one than the request's
                        // is refused
  WallTime at;          // set by the ledger
};

// What somebody said when starting the session: shown as claimed, never trusted.
struct Claims {
  MaskedText on_behalf_of;
  MaskedText purpose;
  std::map<std::string, std::string> labels;  // keys and values [A-Za-z0-9._/-]{1,63}
};

struct Session {
  std::uint64_t id = 0;  // never reused
  std::string agent;
  std::string cgroup_path;    // below the cgroup root, as "/agents.slice/x.scope"
  std::string recognised_by;  // "cgroup", "xattr", "run", "tag"
  std::string tagged_by;      // name of who tagged it by hand; else empty
  Principal owner;            // who started it, from kernel credentials
  Claims claims;
  WallTime started;
  std::optional<WallTime> ended;
};

// One question for people: one or many holds with the same digest, in one session.
struct Request {
  std::string id;      // "r-" and a decimal number; never reused
  std::string digest;  // SHA-256, lower-case hex, over everything that the decision covers
  RequestState state = RequestState::open;
  std::uint64_t session = 0;
  std::string agent;
  RuleView rule;
  event::MaskedAccess access;
  MaskedText comm;  // name of the process
  int tgid = 0;     // of the first hold
  std::uint32_t uid = 0;
  bool bindable = true;  // false: no approval may cover it (access.warnings says why), it can only be denied
  WallTime created;
  WallTime deadline;
  std::vector<Hold> holds;
  std::optional<Decision> decision;
  std::string
      outcome;  // for a person: "approved by ada (once)", "nobody answered in 15m", "cancelled: SIGTERM", …
};

// A decision that reaches further than the holds that were there: equal digests in the same session only.
struct Grant {
  std::string id;  // "g-" and a decimal number
  std::string request;
  std::string digest;
  std::array<std::uint64_t, 2> kernel_digest{};  // key of the grant in the kernel's map
  std::uint64_t session = 0;
  std::string agent;
  Scope scope = Scope::session;
  std::optional<std::uint64_t>
      uses;  // left, counted by the kernel; scope once: the one retry of a refused access
  WallTime created;
  WallTime not_after;  // scope session: at most 8 hours
  Principal by;
  std::optional<WallTime>
      revoked;  // when it ended, however: revoked, time over, used up, session over. Set = not live
  MaskedText object;
  std::string operation;
};

}  // namespace holdpoint::approval
