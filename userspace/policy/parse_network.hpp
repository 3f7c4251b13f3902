// SPDX-License-Identifier: Apache-2.0
// Destinations: {cidr: 10.0.0.0/8, port: [80, 8000-8999], protocol: tcp}.
#pragma once

#include <vector>

#include "policy/parse_fields.hpp"

namespace holdpoint::policy {

[[nodiscard]] std::vector<Destination> read_destinations(const Node& node, Diagnostics& out);

}  // namespace holdpoint::policy
