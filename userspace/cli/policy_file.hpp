// SPDX-License-Identifier: Apache-2.0
// Files of policies: reading the shipped ones, and putting a new one into the policy directory.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdpoint::cli {

// "coding" is the one that the package ships; with a slash it is a path.
[[nodiscard]] Result<std::string> read_policy(const std::string& name);
// Names of the policy files of a directory.
[[nodiscard]] Result<std::vector<std::string>> policy_files(const std::string& directory);
// Puts the text there in one step, and never over another file. Error: it is there, or cannot be written; nothing is left behind.
[[nodiscard]] Result<> place_policy(const std::string& directory, const std::string& name,
                                    const std::string& text);

}  // namespace holdpoint::cli
