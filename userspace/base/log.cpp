// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>

namespace holdpoint {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warning: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// journald reads a priority from "<N>" at the start of a line of stderr.
std::string_view journal_priority(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "<7>";
    case LogLevel::info: return "<6>";
    case LogLevel::warning: return "<4>";
    case LogLevel::error: return "<3>";
  }
  return "<3>";
}

bool journald_listens() {
  static const bool listens = std::getenv("JOURNAL_STREAM") != nullptr;
  return listens;
}

// The one logger of the process. A log has no owner that could hand it to every function that fails, so it lives here;
// it is not spdlog's default logger, which takes any string.
spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_unique<spdlog::logger>("holdpointd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern(journald_listens() ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %-7l %v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

namespace log_detail {

bool enabled(LogLevel level) { return logger().should_log(to_spdlog(level)); }

void write(LogLevel level, std::string_view line) {
  if (journald_listens()) logger().log(to_spdlog(level), "{}{}", journal_priority(level), line);
  else logger().log(to_spdlog(level), "{}", line);
}

}  // namespace log_detail
}  // namespace holdpoint
