// SPDX-License-Identifier: Apache-2.0
#include "kernel/signal.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <string>

#include "kernel/process.hpp"

namespace holdpoint::kernel {
namespace {

constexpr std::uint64_t kTickNs =
    10'000'000;  // the unit of /proc/PID/stat: USER_HZ is 100 on x86-64 and everywhere we run

// Field 22 of /proc/PID/stat; 0: no such process.
std::uint64_t start_ticks(int pid) {
  const std::string text = read_some(fmt::format("/proc/{}/stat", pid), 1024);
  const auto behind = text.rfind(')');  // the name may hold anything, also brackets
  std::uint64_t ticks = 0;
  if (behind == std::string::npos ||
      std::sscanf(text.c_str() + behind,
                  ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                  &ticks) != 1)
    return 0;
  return ticks;
}

}  // namespace

bool send_signal(const Thread& thread, int signal) {
  // The descriptor first: it stays with its process, so that what is compared next is what gets the signal. A number that
  // changed hands between the two belongs to a process that began later.
  const Fd process = open_process(thread.tgid);
  if (!process || start_ticks(thread.tgid) != thread.start_time / kTickNs) return false;
  return send_signal(process, signal);
}

Fd open_process(int pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

bool send_signal(const Fd& process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

}  // namespace holdpoint::kernel
