// SPDX-License-Identifier: Apache-2.0
// A real server with a fake daemon behind it, on a socket in a directory of its own, on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/server.hpp"
#include "unit/api/fake_service.hpp"

namespace holdpoint::api::test {

class RunningServer {
 public:
  // Every caller is root unless `options.identify` says otherwise, so that tests need not run as root.
  explicit RunningServer(Options options = {});
  ~RunningServer();
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  // Runs on the loop's thread and waits for it.
  void on_loop(const std::function<void(FakeService&, FakeClock&)>& act);
  [[nodiscard]] Counters counters();
  [[nodiscard]] const std::string& socket() const { return socket_; }
  void stop();  // the server alone; the socket's directory stays

 private:
  struct Loop;
  std::string directory_;
  std::string socket_;
  std::unique_ptr<Loop> loop_;
};

[[nodiscard]] Caller root_caller();
// A person in the group who is not root.
[[nodiscard]] Caller member_caller();

// A plain client: bytes out, bytes in.
class RawClient {
 public:
  explicit RawClient(const std::string& socket);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  void send(const std::string& bytes) const;
  // Reads until `until` was seen or the server closes; all bytes so far. Gives up after ten seconds.
  [[nodiscard]] const std::string& read_until(const std::string& until);
  [[nodiscard]] const std::string& read_to_end() { return read_until(""); }
  void hang_up();
  [[nodiscard]] int descriptor() const { return socket_; }

 private:
  int socket_ = -1;
  std::string seen_;
};

struct Response {
  int status = 0;
  std::string head;
  std::string body;
};
// One request on a connection of its own.
[[nodiscard]] Response call(const std::string& socket, const std::string& method, const std::string& target,
                            const std::string& body = {});

}  // namespace holdpoint::api::test
