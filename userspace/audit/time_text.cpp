// SPDX-License-Identifier: Apache-2.0
#include "audit/time_text.hpp"

#include <fmt/format.h>

#include <ctime>

namespace holdpoint::audit {
namespace {

constexpr std::int64_t second = 1'000'000'000;

struct Split {
  std::time_t seconds;
  std::int64_t nanoseconds;
};

// Rounds down, so that times before 1970 keep their order.
Split split(std::int64_t wall_time_ns) {
  auto seconds = wall_time_ns / second;
  auto rest = wall_time_ns % second;
  if (rest < 0) {
    rest += second;
    --seconds;
  }
  return {static_cast<std::time_t>(seconds), rest};
}

}  // namespace

std::string rfc3339(std::int64_t wall_time_ns) {
  const auto [seconds, nanoseconds] = split(wall_time_ns);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, nanoseconds);
}

std::string clock_text(std::int64_t wall_time_ns, ClockStyle style) {
  const auto seconds = split(wall_time_ns).seconds;
  std::tm parts{};
  if (style.utc) ::gmtime_r(&seconds, &parts);
  else ::localtime_r(&seconds, &parts);
  auto text = fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (!style.date) return text;
  return fmt::format("{:04}-{:02}-{:02} {}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, text);
}

}  // namespace holdpoint::audit
