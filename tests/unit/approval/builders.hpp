// SPDX-License-Identifier: Apache-2.0
// Small values for the tests of approval, and what they ask of steps.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "approval/ledger.hpp"

namespace holdpoint::approval::test {

using namespace std::chrono_literals;

inline MaskedText text(const std::string& shown) { return event::restore_masked(shown, 0); }

// Seconds after an arbitrary start.
inline Now at(std::int64_t seconds) {
  return {WallTime(1'800'000'000s + std::chrono::seconds(seconds)),
          BootTime{static_cast<std::uint64_t>(seconds + 1000) * 1'000'000'000}};
}

struct HoldOf {
  std::uint64_t id = 1;
  std::uint64_t session = 7;
  std::string digest = "aa";
  bool refused = false;
  bool bindable = true;
  std::int64_t since = 0;  // seconds, as at()
  Duration timeout = 15min;
};

inline NewHold make_hold(const HoldOf& of) {
  NewHold hold;
  hold.hold.id = of.id;
  hold.hold.kernel_digest = {of.id * 10, std::hash<std::string>{}(of.digest)};
  hold.hold.tid = static_cast<int>(1000 + of.id);
  hold.hold.tgid = static_cast<int>(1000 + of.id);
  hold.hold.start_time = of.id;
  hold.hold.since = at(of.since).wall;
  hold.hold.state = of.refused ? HoldState::refused : HoldState::held;
  hold.draft.session = of.session;
  hold.draft.digest = of.digest;
  hold.draft.agent = "coder";
  hold.draft.rule = {"keys", "private keys are asked about", 3, of.timeout};
  hold.draft.access.operation = "read";
  hold.draft.access.object = text("/root/key");
  hold.bindable = of.bindable;
  return hold;
}

inline Session make_session(std::uint64_t id = 7) {
  Session session;
  session.id = id;
  session.agent = "coder";
  session.cgroup_path = "/agents.slice/x.scope";
  session.recognised_by = "cgroup";
  session.owner = {"unix", "1000", "ada"};
  return session;
}

inline Decision approve(Scope scope = Scope::once, Duration lifetime = {}) {
  Decision decision;
  decision.approve = true;
  decision.scope = scope;
  decision.lifetime = lifetime;
  decision.by = {"unix", "1000", "ada"};
  decision.channel = "unix-api";
  return decision;
}

inline Decision deny(const std::string& reason = "not today") {
  Decision decision = approve();
  decision.approve = false;
  decision.reason = text(reason);
  decision.by = {"unix", "1001", "bob"};
  return decision;
}

template <typename Kind>
std::vector<Kind> of_kind(const Steps& steps) {
  std::vector<Kind> found;
  for (const Step& step : steps)
    if (const auto* one = std::get_if<Kind>(&step)) found.push_back(*one);
  return found;
}

inline std::vector<std::string> note_kinds(const Steps& steps) {
  std::vector<std::string> kinds;
  for (const Note& note : of_kind<Note>(steps)) kinds.push_back(note.kind);
  return kinds;
}

// (hold, allow, why) of each answer.
inline std::vector<std::tuple<std::uint64_t, bool, std::string>> answers(const Steps& steps) {
  std::vector<std::tuple<std::uint64_t, bool, std::string>> all;
  for (const Answer& answer : of_kind<Answer>(steps)) all.emplace_back(answer.hold, answer.allow, answer.why);
  return all;
}

// Saves, notes, answers, parks: in this order and no other.
inline bool in_safe_order(const Steps& steps) {
  const auto rank = [](const Step& step) {
    if (std::holds_alternative<Note>(step)) return 1;
    if (std::holds_alternative<Answer>(step)) return 2;
    return std::holds_alternative<Park>(step) ? 3 : 0;
  };
  for (std::size_t i = 1; i < steps.size(); ++i)
    if (rank(steps[i - 1]) > rank(steps[i])) return false;
  return true;
}

}  // namespace holdpoint::approval::test
