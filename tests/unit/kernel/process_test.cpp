// SPDX-License-Identifier: Apache-2.0
#include "kernel/process.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace holdpoint::kernel {
namespace {

// As /proc/PID/stat of a process that dies after the opening: the reading fails, and that must not end the daemon.
TEST(ReadSome, AFileThatOpensAndCannotBeReadIsEmpty) { EXPECT_EQ(read_some("/proc/self/mem", 64), ""); }

TEST(ReadSome, AFileThatIsNotThereIsEmpty) { EXPECT_EQ(read_some("/proc/0/stat", 64), ""); }

TEST(ReadSome, NoMoreThanWasAskedFor) {
  EXPECT_EQ(read_some("/proc/self/stat", 3).size(), 3U);
  EXPECT_TRUE(read_some("/proc/self/stat", 1024).starts_with(std::to_string(::getpid()) + " ("));
}

}  // namespace
}  // namespace holdpoint::kernel
