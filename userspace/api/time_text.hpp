// SPDX-License-Identifier: Apache-2.0
// Times and durations as text, the same in API and command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace holdpoint::api {

// "90s", "30m", "8h", "2d", "250ms", also joined: "1h30m". Empty: not a duration, negative or over 365 days.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
// The two largest units that are not zero: "45s", "1h 30m", "2d 3h". Below a second: "0s".
[[nodiscard]] std::string duration_text(Duration duration);
// RFC 3339 in UTC with milliseconds: "2026-01-31T08:15:00.250Z".
[[nodiscard]] std::string rfc3339(WallTime time);
// The same back; takes any number of fraction digits and an offset. Empty: not such a time.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace holdpoint::api
