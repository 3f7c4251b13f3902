// SPDX-License-Identifier: Apache-2.0
#include "kernel/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
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

TEST(SignalMasks, WhatAThreadBlocksAndWhatWaitsForItAndForItsProcess) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
  pthread_kill(pthread_self(), SIGUSR1);
  kill(getpid(), SIGUSR2);
  const auto masks = signal_masks(getpid(), gettid());
  EXPECT_TRUE(masks.blocks(SIGUSR1) && masks.blocks(SIGUSR2));
  EXPECT_EQ(masks.own, 1ULL << (SIGUSR1 - 1));
  EXPECT_EQ(masks.common, 1ULL << (SIGUSR2 - 1));
  int taken = 0;
  sigwait(&set, &taken);
  sigwait(&set, &taken);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace holdpoint::kernel
