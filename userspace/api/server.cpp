// SPDX-License-Identifier: Apache-2.0
#include "api/server.hpp"

#include <grp.h>

#include <boost/asio/io_context.hpp>
#include <vector>

#include "api/connection.hpp"
#include "api/listener.hpp"
#include "api/server_state.hpp"

namespace holdpoint::api {

std::optional<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(64 *
                           1024);  // groups may have many members; beyond that the group counts as missing
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return {};
  return found->gr_gid;
}

Result<std::unique_ptr<Server>> Server::start(boost::asio::io_context& loop, Service& service,
                                              const Clock& clock, Options options) {
  auto file = SocketFile::create(options.socket_path, options.group);
  if (!file) return std::unexpected(file.error());
  auto state = std::make_shared<ServerState>(loop, service, clock, std::move(options), std::move(*file));
  boost::system::error_code error;
  const int listener = state->file.release_listener();
  if (state->acceptor.assign({}, listener, error)) {
    ::close(listener);
    return fail("listening socket: " + error.message());
  }
  listen(state);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

// NOLINTNEXTLINE(bugprone-exception-escape): only for want of memory, and then the daemon ends
Server::~Server() {
  state_->stopped = true;
  boost::system::error_code ignored;
  (void)state_->acceptor.close(ignored);
  state_->pause.cancel();
  const std::vector<Connection*> all(state_->connections.begin(), state_->connections.end());
  for (Connection* connection : all) close(*connection);
}

const Counters& Server::counters() const { return state_->counters; }

}  // namespace holdpoint::api
