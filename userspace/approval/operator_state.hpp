// SPDX-License-Identifier: Apache-2.0
// What operators have switched: whom they stopped, and until when the rules are disarmed. Plain values; the daemon keeps one
// OperatorState, stores it before it takes effect, and makes the kernel's switches equal to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "approval/values.hpp"
#include "base/result.hpp"

namespace holdpoint::approval {

// Whom a lockdown is about: one agent, one session, or (neither) everybody.
struct LockScope {
  std::string agent;
  std::uint64_t session = 0;
  friend bool operator==(const LockScope&, const LockScope&) = default;
};

struct Lockdown {
  LockScope scope;
  MaskedText reason;  // may be empty: who pulls the brake has no time
  Principal by;
  WallTime since;
};

struct Disarming {
  MaskedText reason;
  Principal by;
  WallTime since;
  WallTime until;       // for people
  BootTime until_boot;  // what the kernel compares
};

struct OperatorState {
  std::vector<Lockdown> lockdowns;  // one for each scope, oldest first
  std::optional<Disarming> disarming;
};

// Rules are disarmed for a day at most: who needs longer has to say so again.
inline constexpr Duration kLongestDisarming = std::chrono::hours(24);

[[nodiscard]] bool covers(const LockScope& scope, std::string_view agent, std::uint64_t session);
// The lockdown that stops this session of that agent; nullptr: none does.
[[nodiscard]] const Lockdown* lockdown_of(const OperatorState& state, std::string_view agent,
                                          std::uint64_t session);
// Adds it; one of the same scope is replaced.
void put(OperatorState& state, Lockdown lockdown);
// Takes the one of exactly that scope away. False: there is none.
[[nodiscard]] bool remove(OperatorState& state, const LockScope& scope);
// The disarming that is in force at `now`; nullptr: none is.
[[nodiscard]] const Disarming* disarming_at(const OperatorState& state, BootTime now);

[[nodiscard]] std::string_view scope_word(const LockScope& scope);  // "all", "agent", "session"
[[nodiscard]] std::string scope_phrase(const LockScope& scope);  // "agent coder", "session 7", "every agent"

// For the store; as codec.hpp.
[[nodiscard]] std::string encode(const OperatorState& state);
[[nodiscard]] Result<OperatorState> decode_operator_state(const std::string& text);

}  // namespace holdpoint::approval
