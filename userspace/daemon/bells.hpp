// SPDX-License-Identifier: Apache-2.0
// What the kernel rings for: holds that begin, are answered or end, signals, cgroups. Thread: the daemon's loop.
#pragma once

#include <cstddef>
#include <span>

#include "daemon/core.hpp"

namespace holdpoint::daemon {

// Takes everything out of the rings and carries it out.
void answer_bells(Core& core);
// Compares with the kernel's map: finds holds whose bell was lost, and those that are gone.
void scan_holds(Core& core);

}  // namespace holdpoint::daemon
