// SPDX-License-Identifier: Apache-2.0
// Makes the core in the one order that opens nothing: memory, policy, kernel, what runs already, and only then judging.
#pragma once

#include <memory>

#include "config/config.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {

struct StartError {
  Error error;
  config::ExitCode exit;
};

[[nodiscard]] std::expected<std::unique_ptr<Core>, StartError> start_core(const config::Config& config,
                                                                          const Clock& clock);

}  // namespace holdpoint::daemon
