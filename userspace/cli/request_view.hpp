// SPDX-License-Identifier: Apache-2.0
// A request as people see it. Pure: JSON of the API in, text out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cli/terminal.hpp"

namespace holdpoint::cli {

// All that a reviewer must know.
[[nodiscard]] std::string draw_request(const nlohmann::json& request, WallTime now, const Terminal& terminal);
// The queue, with a countdown each.
[[nodiscard]] std::string draw_queue(const std::vector<nlohmann::json>& requests, WallTime now,
                                     const Terminal& terminal);
// Also those that are over, with how they ended.
[[nodiscard]] std::string draw_history(const std::vector<nlohmann::json>& requests, WallTime now,
                                       const Terminal& terminal);
// "exec /usr/bin/psql -h 10.0.0.5": what is attempted, whole, in one line.
[[nodiscard]] std::string attempt(const nlohmann::json& request);
[[nodiscard]] Colour state_colour(std::string_view state);
// "r-12" for "12" and for "r-12".
[[nodiscard]] std::string request_id(const std::string& typed);

}  // namespace holdpoint::cli
