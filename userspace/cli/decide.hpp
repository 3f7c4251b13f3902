// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "cli/command.hpp"

namespace holdpoint::cli {

// Reads the request named on the command line and answers it with `decision`, to which its digest is added, so that exactly
// that request is decided. Prints what was decided.
Exit decide(const Context& context, nlohmann::json decision);

}  // namespace holdpoint::cli
