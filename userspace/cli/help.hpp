// SPDX-License-Identifier: Apache-2.0
// Help texts, drawn from the table of verbs.
#pragma once

#include <string>

#include "cli/command.hpp"

namespace holdpoint::cli {

[[nodiscard]] std::string overview();
[[nodiscard]] std::string help_for(const Verb& verb);
[[nodiscard]] std::string usage_line(const Verb& verb);

}  // namespace holdpoint::cli
