// SPDX-License-Identifier: Apache-2.0
#include "daemon/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace holdpoint::daemon {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Standing, WhatIsThereIsNoProblem) {
  EXPECT_EQ(standing_problem({"1", true, true}, "/pins"), "");
  EXPECT_EQ(standing_problem({"", true, true}, "/pins"), "") << "a kernel without the switch";
}

TEST(Standing, WhatIsMissingIsNamedWithWhatToDo) {
  EXPECT_THAT(standing_problem({"0", true, true}, "/pins"),
              AllOf(HasSubstr("kernel.ftrace_enabled is 0"), HasSubstr("sysctl kernel.ftrace_enabled=1")));
  EXPECT_THAT(standing_problem({"1", true, false}, "/pins"),
              AllOf(HasSubstr("pins below /pins were removed"), HasSubstr("restart holdpointd")));
  EXPECT_THAT(standing_problem({"1", false, true}, "/pins"),
              AllOf(HasSubstr("/pins/armed was removed"), HasSubstr("restart holdpointd")));
}

TEST(Standing, TheWorstIsToldFirst) {
  EXPECT_THAT(standing_problem({"0", false, false}, "/pins"), HasSubstr("ftrace_enabled"));
  EXPECT_THAT(standing_problem({"1", false, false}, "/pins"), HasSubstr("pins below /pins"));
}

// Ordinary directories in a file system's place: only names count.
TEST(Standing, TheMarkAndTheLinksAreLookedForByName) {
  const auto pins = fs::path(testing::TempDir()) / ("standing-test-" + std::to_string(::getpid()));
  const auto links = pins / "links-3";
  fs::create_directories(links);
  fs::create_directories(pins / "armed");
  const auto whole = look_at_standing(pins, links);
  EXPECT_TRUE(whole.armed_mark && whole.links);
  fs::remove(links);
  EXPECT_FALSE(look_at_standing(pins, links).links);
  EXPECT_TRUE(look_at_standing(pins, links).armed_mark);
  fs::remove_all(pins);
  EXPECT_FALSE(look_at_standing(pins, links).armed_mark);
}

}  // namespace
}  // namespace holdpoint::daemon
