// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "api/server_state.hpp"

namespace holdpoint::api {

// Accepts until the server stops. Each connection is identified and checked against the limits before it is served.
void listen(const std::shared_ptr<ServerState>& state);

}  // namespace holdpoint::api
