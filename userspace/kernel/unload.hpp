// SPDX-License-Identifier: Apache-2.0
// The way out: every hold denied, every thread let go, everything detached. Works on the pins alone, so it also removes what
// another version of Holdpoint left.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "kernel/cgroups.hpp"

namespace holdpoint::kernel {

// Blocks until the held threads have taken their denial, at most about two seconds. Nothing pinned: does nothing.
[[nodiscard]] Result<> unload(const std::string& pin_directory, const Cgroups& cgroups, BootTime now);

}  // namespace holdpoint::kernel
