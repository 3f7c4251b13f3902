// SPDX-License-Identifier: Apache-2.0
// What listener and connections share. Owned jointly by the server and by each connection; `stopped` tells those that
// outlive the server to touch nothing.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>

#include "api/server.hpp"
#include "api/socket_file.hpp"

namespace holdpoint::api {

class Connection;

struct ServerState {
  ServerState(boost::asio::io_context& loop, Service& the_service, const Clock& the_clock,
              Options the_options, SocketFile the_file)
      : service(the_service),
        clock(the_clock),
        options(std::move(the_options)),
        file(std::move(the_file)),
        acceptor(loop),
        pause(loop) {}

  Service& service;
  const Clock& clock;
  const Options options;
  SocketFile file;
  boost::asio::local::stream_protocol::acceptor acceptor;
  boost::asio::steady_timer pause;  // after a failed accept
  Counters counters;
  std::set<Connection*> connections;         // each takes itself out in its destructor
  std::map<unsigned, std::size_t> per_user;  // uid → connections
  bool stopped = false;
};

}  // namespace holdpoint::api
