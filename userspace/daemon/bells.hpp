// SPDX-License-Identifier: Apache-2.0
// What the kernel rings for: holds that begin, are answered or end, signals, cgroups. Thread: the daemon's loop.
#pragma once

#include <cstddef>
#include <span>

#include "daemon/core.hpp"

namespace holdpoint::daemon {

// Takes what is in the rings, up to a bound, and carries it out. True: there is more; call again after other work.
[[nodiscard]] bool answer_bells(Core& core);
// Compares with the kernel's map: finds holds whose bell was lost, and those that are gone.
void scan_holds(Core& core);

}  // namespace holdpoint::daemon
