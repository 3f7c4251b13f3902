// SPDX-License-Identifier: Apache-2.0
// What a program that waits for its release would read: the files that its arguments name, and the script that is executed.
// Hashed for people, and described for the kernel, which compares at each open (bpf/lib/bound.bpf.h).
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "event/access.hpp"
#include "holdpoint/abi.h"
#include "kernel/programs.hpp"

namespace holdpoint::kernel {

struct Bound {
  std::vector<event::BoundFile> files;
  hp_bound image{};      // for Programs::bind; count 0: nothing to bind
  bool complete = true;  // false: "content not bound", a file had to be left out or is still being written
  bool whole =
      true;  // false: `files` is not all of what the same command may read later, so each run has to be looked at
  bool input =
      false;  // its standard input is a regular file: a shell runs what is in it, and nothing binds that
};

// The process as /proc shows it, and what it would read.
struct ReadContent {
  event::Process process;
  Bound bound;
};

// At most 16 arguments (and the scripts) of at most 16 MiB each. Blocks for the reading, and up to 60 ms more when a file was
// just written: two writes within one tick of the kernel's clock leave the same change time.
// May be called on any thread, and may never return: it asks file systems of the agent's.
[[nodiscard]] Bound bind_content(const Programs& programs, const Clock& clock, const event::Access& access,
                                 const event::Process& process);

}  // namespace holdpoint::kernel
