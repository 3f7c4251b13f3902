// SPDX-License-Identifier: Apache-2.0
// The way out: every hold denied, every thread let go, everything detached. Works on the pins alone, so it also removes what
// another version of Holdpoint left.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kernel/cgroups.hpp"

namespace holdpoint::kernel {

struct Unloaded {
  std::vector<int> killed;  // processes that could not be made to take their denial
};

// From its first step on nothing new is held: an ask is refused. Blocks until the held threads have taken their denial. One that
// cannot (somebody else froze it) is killed after ten seconds: let go later, it would do unguarded what nobody approved. Nothing
// pinned: does nothing. The daemon must not run.
[[nodiscard]] Result<Unloaded> unload(const std::string& pin_directory, const Cgroups& cgroups,
                                      const Clock& clock);

}  // namespace holdpoint::kernel
