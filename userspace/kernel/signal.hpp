// SPDX-License-Identifier: Apache-2.0
// Signals that reach the process that was meant, or nobody: a number may belong to another process by now.
#pragma once

#include <cstdint>

#include "base/fd.hpp"

namespace holdpoint::kernel {

// A thread as the kernel's side named it.
struct Thread {
  int tgid = 0;
  int tid = 0;
  std::uint64_t start_time =
      0;  // of its process: CLOCK_BOOTTIME, nanoseconds; with tgid it names one process
};

// Sends `signal` to the thread's process if that is still the one that began at start_time. False: it is gone, or it may not
// be signalled.
bool send_signal(const Thread& thread, int signal);

// The same by hand: the process that has this number now (an empty descriptor: none), to be looked at before it is signalled.
[[nodiscard]] Fd open_process(int pid);
bool send_signal(const Fd& process, int signal);

}  // namespace holdpoint::kernel
