// SPDX-License-Identifier: Apache-2.0
// What the daemon counts, in the text format of Prometheus (version 0.0.4). Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.hpp"

namespace holdpoint::cli {

// `health`: /v1/health; `open`: /v1/requests?state=open; `sessions`: /v1/sessions. Every counter of the health has a line: one
// that has no place of its own here is in holdpoint_counter_total.
[[nodiscard]] std::string prometheus_text(const nlohmann::json& health, const nlohmann::json& open,
                                          const nlohmann::json& sessions, WallTime now);
// When no daemon answers.
[[nodiscard]] std::string prometheus_down();

}  // namespace holdpoint::cli
