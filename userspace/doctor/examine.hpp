// SPDX-License-Identifier: Apache-2.0
// From facts to findings. Pure.
#pragma once

#include <vector>

#include "base/result.hpp"
#include "doctor/finding.hpp"
#include "doctor/host.hpp"

namespace holdpoint::doctor {

// Whether this kernel can do it: one finding for each thing it needs, in the order in which they are worth mending.
[[nodiscard]] std::vector<Finding> examine_kernel(const Host& host);
// What these findings come to. What could not be seen is no reason to say that it can.
enum class Ability { can, cannot, unknown };
[[nodiscard]] Ability ability(const std::vector<Finding>& findings);
// Ways round the guard that stand open on this host.
[[nodiscard]] std::vector<Finding> find_doors(const Host& host);

// Error: the first thing that is missing, and what to do. What could not be seen is left to the loader of the programs.
[[nodiscard]] Result<> check_kernel(const Host& host);

}  // namespace holdpoint::doctor
