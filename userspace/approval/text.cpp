// SPDX-License-Identifier: Apache-2.0
#include "approval/text.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace holdpoint::approval {
namespace {

template <typename Value, std::size_t size>
using Names = std::array<std::pair<Value, std::string_view>, size>;

constexpr Names<RequestState, 6> request_states{{{RequestState::open, "open"},
                                                 {RequestState::approved, "approved"},
                                                 {RequestState::denied, "denied"},
                                                 {RequestState::expired, "expired"},
                                                 {RequestState::cancelled, "cancelled"},
                                                 {RequestState::superseded, "superseded"}}};
constexpr Names<Scope, 3> scopes{
    {{Scope::once, "once"}, {Scope::session, "session"}, {Scope::duration, "duration"}}};
constexpr Names<HoldState, 4> hold_states{{{HoldState::held, "held"},
                                           {HoldState::refused, "refused"},
                                           {HoldState::released, "released"},
                                           {HoldState::ended, "ended"}}};

template <typename Value, std::size_t size>
std::string_view name_of(const Names<Value, size>& names, Value value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return "unknown";
}

template <typename Value, std::size_t size>
std::optional<Value> value_of(const Names<Value, size>& names, std::string_view text) {
  for (const auto& [known, name] : names)
    if (name == text) return known;
  return std::nullopt;
}

}  // namespace

std::string_view state_text(RequestState state) { return name_of(request_states, state); }
std::string_view scope_text(Scope scope) { return name_of(scopes, scope); }
std::string_view hold_state_text(HoldState state) { return name_of(hold_states, state); }
std::optional<RequestState> parse_request_state(std::string_view text) {
  return value_of(request_states, text);
}
std::optional<Scope> parse_scope(std::string_view text) { return value_of(scopes, text); }
std::optional<HoldState> parse_hold_state(std::string_view text) { return value_of(hold_states, text); }

std::string duration_text(Duration duration) {
  const auto total = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (total < 1000) return fmt::format("{}ms", total < 0 ? 0 : total);
  const auto seconds = total / 1000;
  std::string text;
  if (seconds >= 3600) text += fmt::format("{}h", seconds / 3600);
  if (seconds / 60 % 60 != 0) text += fmt::format("{}m", seconds / 60 % 60);
  if (seconds % 60 != 0) text += fmt::format("{}s", seconds % 60);
  return text;
}

std::string ago_text(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < 1) return "just now";
  if (seconds < 120) return fmt::format("{} s ago", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min ago", seconds / 60);
  return fmt::format("{} h ago", seconds / 3600);
}

std::string principal_text(const Principal& who) {
  return who.name.empty() ? fmt::format("{}:{}", who.kind, who.id) : who.name;
}

std::string decision_text(const Decision& decision) {
  const std::string who = principal_text(decision.by);
  if (!decision.approve) return fmt::format("denied by {}: {}", who, decision.reason.text());
  if (decision.scope == Scope::duration)
    return fmt::format("approved by {} (for {})", who, duration_text(decision.lifetime));
  return fmt::format("approved by {} ({})", who, scope_text(decision.scope));
}

std::string expiry_text(const Request& request) {
  return fmt::format("nobody answered within {}", duration_text(request.rule.timeout));
}

}  // namespace holdpoint::approval
