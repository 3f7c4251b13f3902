// SPDX-License-Identifier: Apache-2.0
// The daemon's own log: one line on stderr for each call, with a priority that journald understands when it listens.
// The format is a literal of the source, checked at compile time; arguments are Loggable (loggable.hpp) and nothing else:
//
//   log_error("store: {} ({} requests open)", event::mask(error.text()), open);
//
// Any thread may call. A line that cannot be written is dropped: the log never stops the guard.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <type_traits>

#include "base/loggable.hpp"

namespace holdpoint {

enum class LogLevel { debug, info, warning, error };

// Lines below `level` are not written. At start: info.
void set_log_level(LogLevel level);

namespace log_detail {

void write(LogLevel level, std::string_view line);
[[nodiscard]] bool enabled(LogLevel level);

template <LoggableNumber T>
T shown(const T& value) {
  return value;
}
template <Loggable T>
  requires(!LoggableNumber<T>)
std::string_view shown(const T& value) {
  return LogText<T>::text(value);
}
template <typename T>
using Shown = decltype(shown(std::declval<const T&>()));
template <typename... Arguments>
using Format = std::type_identity_t<fmt::format_string<Shown<Arguments>...>>;

template <typename... Arguments>
void log(LogLevel level, fmt::format_string<Shown<Arguments>...> format, const Arguments&... arguments) {
  if (enabled(level)) write(level, fmt::format(format, shown(arguments)...));
}

}  // namespace log_detail

template <Loggable... Arguments>
void log_debug(log_detail::Format<Arguments...> format, const Arguments&... arguments) {
  log_detail::log<Arguments...>(LogLevel::debug, format, arguments...);
}
template <Loggable... Arguments>
void log_info(log_detail::Format<Arguments...> format, const Arguments&... arguments) {
  log_detail::log<Arguments...>(LogLevel::info, format, arguments...);
}
template <Loggable... Arguments>
void log_warning(log_detail::Format<Arguments...> format, const Arguments&... arguments) {
  log_detail::log<Arguments...>(LogLevel::warning, format, arguments...);
}
template <Loggable... Arguments>
void log_error(log_detail::Format<Arguments...> format, const Arguments&... arguments) {
  log_detail::log<Arguments...>(LogLevel::error, format, arguments...);
}

}  // namespace holdpoint
