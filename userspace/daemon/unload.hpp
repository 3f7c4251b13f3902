// SPDX-License-Identifier: Apache-2.0
// `holdpointd --unload`: the guard goes, and the log says so.
#pragma once

#include <expected>

#include "base/clock.hpp"
#include "config/config.hpp"
#include "daemon/start.hpp"

namespace holdpoint::daemon {

// Refused while a daemon runs: it would go on as if it guarded. Holds its lock meanwhile, so that none starts.
[[nodiscard]] std::expected<void, StartError> unload(const config::Config& config, const Clock& clock);

}  // namespace holdpoint::daemon
