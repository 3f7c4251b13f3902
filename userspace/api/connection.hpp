// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "api/server_state.hpp"

namespace holdpoint::api {

// Serves one client until it leaves, breaks a limit, or the server stops. The connection owns itself.
void serve(const std::shared_ptr<ServerState>& state, boost::asio::local::stream_protocol::socket socket,
           Caller caller);
// Ends it now: its subscription is dropped at once, the rest when its pending operations come back.
void close(Connection& connection);

}  // namespace holdpoint::api
