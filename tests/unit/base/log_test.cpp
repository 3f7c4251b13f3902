// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace holdpoint {
namespace {

enum class Colour { red };

}  // namespace

template <>
struct LogText<Colour> {
  static std::string_view text(const Colour&) { return "red"; }
};

namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// A raw string in the log must not compile, in whatever dress.
static_assert(!Loggable<std::string>);
static_assert(!Loggable<std::string_view>);
static_assert(!Loggable<const char*>);
static_assert(!Loggable<char*>);
static_assert(!Loggable<char[6]>);
static_assert(!Loggable<char>);
static_assert(!Loggable<std::pair<int, std::string>>);
static_assert(!std::is_constructible_v<Literal, std::string>);
static_assert(!std::is_constructible_v<Literal, const char*>);
static_assert(Loggable<int> && Loggable<double> && Loggable<bool> && Loggable<std::uint8_t> &&
              Loggable<Literal>);
static_assert(Loggable<Colour>);

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::internal::CaptureStderr(); }
  void TearDown() override { set_log_level(LogLevel::info); }
};

TEST_F(LogTest, WritesNumbersLiteralsAndTypesThatOptedIn) {
  log_warning("{} holds of {} at {}", 3, Literal("coder"), Colour::red);
  const auto line = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(line, HasSubstr("warning"));
  EXPECT_THAT(line, EndsWith("3 holds of coder at red\n"));
}

TEST_F(LogTest, BracesInAnArgumentAreNotAFormat) {
  log_info("{}", Literal("{} {0} {"));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), EndsWith("{} {0} {\n"));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  log_debug("hidden {}", 1);
  set_log_level(LogLevel::debug);
  log_debug("shown {}", 2);
  const auto lines = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, Not(HasSubstr("hidden")));
  EXPECT_THAT(lines, HasSubstr("shown 2"));
}

}  // namespace
}  // namespace holdpoint
