// SPDX-License-Identifier: Apache-2.0
#include "api/time_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>

namespace holdpoint::api {

using std::chrono::duration_cast;
using std::chrono::seconds;

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::uint64_t second = 1'000'000'000;
constexpr std::array units{Unit{"d", 86'400 * second}, Unit{"h", 3'600 * second}, Unit{"m", 60 * second},
                           Unit{"s", second}, Unit{"ms", second / 1000}};
// Nobody means more, and sums below it cannot overflow.
constexpr std::uint64_t longest = 365 * 86'400 * second;

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

// Takes a number of `digits` digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return {};
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::uint64_t take_fraction(std::string_view& text) {
  std::uint64_t nanoseconds = 0;
  std::uint64_t weight = second / 10;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    nanoseconds += static_cast<std::uint64_t>(text.front() - '0') * weight;
    weight /= 10;
    text.remove_prefix(1);
  }
  return nanoseconds;
}

// "Z" or "+02:00", in seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return {};
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return {};
  const auto minutes = take_number(text, 2);
  if (!minutes) return {};
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return {};
  std::uint64_t total = 0;
  while (!text.empty()) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return {};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const std::size_t letters = std::min(text.find_first_of("0123456789"), text.size());
    const Unit* unit = find_unit(text.substr(0, letters));
    if (unit == nullptr || number > longest / unit->nanoseconds) return {};
    text.remove_prefix(letters);
    total += number * unit->nanoseconds;
    if (total > longest) return {};
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string duration_text(Duration duration) {
  std::uint64_t left = duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count());
  std::string text;
  int parts = 0;
  for (const Unit& unit : units) {
    if (unit.nanoseconds < second) break;
    const std::uint64_t count = left / unit.nanoseconds;
    if (count == 0) {
      if (parts > 0) break;
      continue;
    }
    text += fmt::format("{}{}{}", parts > 0 ? " " : "", count, unit.name);
    left -= count * unit.nanoseconds;
    if (++parts == 2) break;
  }
  return text.empty() ? "0s" : text;
}

std::string rfc3339(WallTime time) {
  const auto whole = std::chrono::floor<seconds>(time);
  const std::time_t count = whole.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&count, &parts);
  const auto milliseconds = duration_cast<std::chrono::milliseconds>(time - whole).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, milliseconds);
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  std::array<int, 6> field{};
  constexpr std::array<std::size_t, 6> digits{4, 2, 2, 2, 2, 2};
  constexpr std::string_view separators = "--T::";
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto number = take_number(text, digits[i]);
    if (!number || (i < separators.size() && !take(text, separators[i]))) return {};
    field[i] = *number;
  }
  const std::uint64_t fraction = take(text, '.') ? take_fraction(text) : 0;
  const auto offset = take_offset(text);
  const std::chrono::year_month_day day{std::chrono::year(field[0]),
                                        std::chrono::month(static_cast<unsigned>(field[1])),
                                        std::chrono::day(static_cast<unsigned>(field[2]))};
  if (!offset || !text.empty() || !day.ok() || field[3] > 23 || field[4] > 59 || field[5] > 60) return {};
  return WallTime(std::chrono::sys_days(day)) +
         seconds(field[3] * 3600 + field[4] * 60 + field[5] - *offset) +
         Duration(static_cast<std::int64_t>(fraction));
}

}  // namespace holdpoint::api
