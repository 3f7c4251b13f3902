// SPDX-License-Identifier: Apache-2.0
#include "kernel/signal.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

namespace holdpoint::kernel {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::uint64_t boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

// A child that waits to be killed.
struct Child {
  pid_t pid = ::fork();
  Child() {
    if (pid == 0)
      for (;;) ::pause();
  }
  // The signal that ended it.
  [[nodiscard]] int end() const {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
};

TEST(Signal, ReachesTheProcessThatWasMeant) {
  const auto before = boot_time();
  const Child child;
  const auto after = boot_time();
  // It began at one of these ticks.
  bool sent = false;
  for (auto start = before; !sent && start <= after + 10'000'000; start += 5'000'000)
    sent = send_signal({child.pid, child.pid, start}, SIGTERM);
  if (!sent) ::kill(child.pid, SIGKILL);
  EXPECT_EQ(child.end(), SIGTERM);
}

TEST(Signal, DoesNotReachALaterProcessOfTheSameNumber) {
  const Child child;
  EXPECT_FALSE(send_signal({child.pid, child.pid, boot_time() - kSecond}, SIGTERM));
  EXPECT_FALSE(send_signal({child.pid, child.pid, 0}, SIGTERM));
  ::kill(child.pid, SIGKILL);
  EXPECT_EQ(child.end(), SIGKILL) << "it got the signal that was meant for another";
}

TEST(Signal, DoesNotReachAnybodyWhenTheProcessIsGone) {
  const Child child;
  ::kill(child.pid, SIGKILL);
  ASSERT_EQ(child.end(), SIGKILL);
  EXPECT_FALSE(send_signal({child.pid, child.pid, boot_time()}, SIGTERM));
}

}  // namespace
}  // namespace holdpoint::kernel
