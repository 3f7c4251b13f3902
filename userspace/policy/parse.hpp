// SPDX-License-Identifier: Apache-2.0
// Text to values: syntax, known keys, types and patterns of each file by itself. What needs more than one
// entry (names that must exist, order, limits) is check.hpp's.
#pragma once

#include <vector>

#include "policy/policy.hpp"
#include "policy/yaml_tree.hpp"

namespace holdpoint::policy {

// `sources` in the order of their rules. Errors and warnings go to `out`; with errors the values are
// incomplete.
[[nodiscard]] Policy parse(const std::vector<SourceText>& sources, Diagnostics& out);

[[nodiscard]] Rule read_rule(const Node& node, Diagnostics& out);

}  // namespace holdpoint::policy
