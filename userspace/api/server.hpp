// SPDX-License-Identifier: Apache-2.0
// The API of the daemon: HTTP/1.1 on a unix socket, paths below /v1 (openapi.yaml). Runs on the loop it is given and calls
// the service on that same thread only.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/counters.hpp"
#include "api/limits.hpp"
#include "api/service.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Boost's name
}

namespace holdpoint::api {

inline constexpr const char* default_socket = "/run/holdpoint/api.sock";
inline constexpr const char* default_group = "holdpoint";

struct Options {
  std::string socket_path = default_socket;
  std::optional<gid_t> group;  // who may use the API besides root; none: root alone
  Limits limits;
  // Who is at the other end of a connected socket; empty: the kernel says (peer.hpp). Tests put their own here.
  std::function<Result<Caller>(int socket)> identify;
};

// The gid of a group by name; empty when there is no such group.
[[nodiscard]] std::optional<gid_t> find_group(const std::string& name);

struct ServerState;

class Server {
 public:
  // Listens when it returns. `service` and `clock` must outlive the server; the loop may outlive both.
  [[nodiscard]] static Result<std::unique_ptr<Server>> start(boost::asio::io_context& loop, Service& service,
                                                             const Clock& clock, Options options);
  // Closes every connection and removes the socket; nothing of the service is called afterwards.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] const Counters& counters() const;

 private:
  explicit Server(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}
  std::shared_ptr<ServerState> state_;
};

}  // namespace holdpoint::api
