// SPDX-License-Identifier: Apache-2.0
// The parent that stays between a shell and an agent's first process. The shell sees only this parent: a held child that is
// stopped for a moment never becomes the shell's "stopped job".
//
// The child stays in the parent's process group. So a terminal's Ctrl-C and Ctrl-Z and a pipeline reach both as always, and
// the kernel side can see that no job-control shell is the child's direct parent, and may suspend it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/exit_code.hpp"

namespace holdpoint::cli {

class Relay {
 public:
  // Forks a child that waits. It holds no descriptor beyond the inherited ones. Signals that are relayed are blocked in the
  // parent from here on. Error: fork or pipe failed.
  [[nodiscard]] static Result<Relay> start(std::vector<std::string> command);

  Relay(Relay&& other) noexcept;
  Relay& operator=(Relay&&) = delete;
  ~Relay();  // a child that was never let go is reaped

  [[nodiscard]] pid_t child() const { return child_; }
  // The child becomes the command. Then relays signals and stops until it ends; its status as a shell tells it.
  [[nodiscard]] int run();

 private:
  Relay(pid_t child, int go) : child_(child), go_(go) {}
  pid_t child_ = -1;
  int go_ = -1;  // write end: one byte lets the child go, closing it ends the child
};

}  // namespace holdpoint::cli
