// SPDX-License-Identifier: Apache-2.0
#include "api/listener.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include "api/connection.hpp"
#include "api/peer.hpp"
#include "api/problem.hpp"

namespace holdpoint::api {

using Socket = boost::asio::local::stream_protocol::socket;

namespace {

// Says why in one write that cannot block, then closes: a caller that may not come in gets no connection of its own.
void turn_away(Socket socket, const Reply& reply) {
  const std::string text = fmt::format(
      "HTTP/1.1 {} Refused\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      reply.status, reply.content_type, reply.body.size(), reply.body);
  [[maybe_unused]] const auto sent =
      ::send(socket.native_handle(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void admit(const std::shared_ptr<ServerState>& state, Socket socket) {
  const Limits& limits = state->options.limits;
  const auto caller = state->options.identify ? state->options.identify(socket.native_handle())
                                              : identify_peer(socket.native_handle(), state->options.group);
  if (!caller) {
    ++state->counters.refused_unknown;
    return turn_away(std::move(socket),
                     problem(403, "unknown-caller", caller.error().message, caller.error().hint));
  }
  if (state->service.caller_is_tagged(caller->pid)) {
    ++state->counters.refused_tagged;
    return turn_away(std::move(socket), problem(403, "tagged", "an agent's process may not use this socket"));
  }
  const bool full = state->connections.size() >= limits.connections;
  const bool user_full = caller->uid != 0 && state->per_user[caller->uid] >= limits.connections_per_user;
  if (full || user_full) {
    ++state->counters.refused_full;
    return turn_away(std::move(socket), problem(503, "full", "too many connections are open",
                                                "close some: every watch and wait holds one"));
  }
  serve(state, std::move(socket), *caller);
}

void accept_next(const std::shared_ptr<ServerState>& state) {
  state->acceptor.async_accept([state](boost::system::error_code error, Socket socket) {
    if (state->stopped) return;
    if (!error) {
      admit(state, std::move(socket));
      return accept_next(state);
    }
    ++state->counters.accept_failures;
    // Mostly no descriptor is free, and trying at once would only burn the processor.
    state->pause.expires_after(std::chrono::milliseconds(100));
    state->pause.async_wait([state](boost::system::error_code) {
      if (!state->stopped) accept_next(state);
    });
  });
}

}  // namespace

void listen(const std::shared_ptr<ServerState>& state) { accept_next(state); }

}  // namespace holdpoint::api
