// SPDX-License-Identifier: Apache-2.0
// What `holdpoint setup` leaves for people to do, as it prints it. Pure.
#pragma once

#include <string>

#include "cli/setup_plan.hpp"

namespace holdpoint::cli {

[[nodiscard]] std::string next_steps(const SetupPlan& plan);

}  // namespace holdpoint::cli
