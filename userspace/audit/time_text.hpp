// SPDX-License-Identifier: Apache-2.0
// Times as people and programs read them. Pure but for the time zone of the process in local_clock_text.
#pragma once

#include <cstdint>
#include <string>

namespace holdpoint::audit {

// Nanoseconds since the epoch → "2026-11-24T20:14:03.000000001Z" (RFC 3339, always nine digits).
[[nodiscard]] std::string rfc3339(std::int64_t wall_time_ns);
// → "20:14:03", or "2026-11-24 20:14:03" with the date; in UTC or in the process's time zone.
struct ClockStyle {
  bool date = false;
  bool utc = false;
};
[[nodiscard]] std::string clock_text(std::int64_t wall_time_ns, ClockStyle style);

}  // namespace holdpoint::audit
