// SPDX-License-Identifier: Apache-2.0
// Whether the guard still stands: what root may take away from below while the daemon runs.
#pragma once

#include <string>

namespace holdpoint::daemon {

struct Standing {
  std::string ftrace;      // kernel.ftrace_enabled; empty: this kernel does not say
  bool armed_mark = true;  // what agents.slice looks at
  bool links = true;       // what keeps the programs attached when the daemon ends
};

[[nodiscard]] Standing look_at_standing(const std::string& pins, const std::string& links);
// What is wrong and what to do; empty: it stands. Pure.
[[nodiscard]] std::string standing_problem(const Standing& standing, const std::string& pins);

}  // namespace holdpoint::daemon
