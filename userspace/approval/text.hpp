// SPDX-License-Identifier: Apache-2.0
// The words for states, scopes, times and outcomes: the same on every surface, since all of them show what is
// stored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "approval/values.hpp"

namespace holdpoint::approval {

[[nodiscard]] std::string_view state_text(RequestState state);  // "open", "approved", …
[[nodiscard]] std::string_view scope_text(Scope scope);         // "once", "session", "duration"
[[nodiscard]] std::string_view hold_state_text(HoldState state);
[[nodiscard]] std::optional<RequestState> parse_request_state(std::string_view text);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view text);
[[nodiscard]] std::optional<HoldState> parse_hold_state(std::string_view text);

// "15m", "1h30m", "45s", "250ms"; nothing below a millisecond.
[[nodiscard]] std::string duration_text(Duration duration);
// "12 s ago", "3 min ago", "2 h ago".
[[nodiscard]] std::string ago_text(Duration duration);
// The login name, or "unix:1000" where there is none.
[[nodiscard]] std::string principal_text(const Principal& who);
// "approved by ada (once)", "denied by ada: not today".
[[nodiscard]] std::string decision_text(const Decision& decision);
// "nobody answered within 15m": never the words of a person's denial.
[[nodiscard]] std::string expiry_text(const Request& request);

}  // namespace holdpoint::approval
