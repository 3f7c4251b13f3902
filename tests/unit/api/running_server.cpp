// SPDX-License-Identifier: Apache-2.0
#include "unit/api/running_server.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <thread>

namespace holdpoint::api::test {

namespace asio = boost::asio;

struct RunningServer::Loop {
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
  FakeClock clock;
  FakeService service{clock};
  std::unique_ptr<Server> server;
  std::thread thread;

  void run(const std::function<void()>& act) {
    std::promise<void> done;
    asio::post(context, [&] {
      act();
      done.set_value();
    });
    done.get_future().wait();
  }
};

RunningServer::RunningServer(Options options) : loop_(std::make_unique<Loop>()) {
  std::string pattern = std::filesystem::temp_directory_path() / "hp-api-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  socket_ = directory_ + "/api.sock";
  options.socket_path = socket_;
  if (!options.identify) options.identify = [](int) { return Result<Caller>(root_caller()); };
  loop_->thread = std::thread([this] { loop_->context.run(); });
  loop_->run([&] {
    auto server = Server::start(loop_->context, loop_->service, loop_->clock, options);
    if (server) loop_->server = std::move(*server);
  });
  if (!loop_->server) throw std::runtime_error("the server did not start");
}

RunningServer::~RunningServer() {
  stop();
  loop_->work.reset();
  loop_->context.stop();
  loop_->thread.join();
  std::filesystem::remove_all(directory_);
}

void RunningServer::stop() {
  loop_->run([this] { loop_->server.reset(); });
}

void RunningServer::on_loop(const std::function<void(FakeService&, FakeClock&)>& act) {
  loop_->run([&] { act(loop_->service, loop_->clock); });
}

Counters RunningServer::counters() {
  Counters counters;
  loop_->run([&] { counters = loop_->server->counters(); });
  return counters;
}

Caller root_caller() {
  return {.pid = 1, .uid = 0, .gid = 0, .principal = {"unix", "0", "root"}, .may_decide = true};
}
Caller member_caller() {
  return {.pid = 2, .uid = 1000, .gid = 1000, .principal = {"unix", "1000", "ada"}, .may_decide = true};
}

RawClient::RawClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect " + path);
  }
  const timeval patience{10, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

RawClient::~RawClient() { hang_up(); }

void RawClient::hang_up() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void RawClient::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;  // the server turned us away; its answer says why
    sent += static_cast<std::size_t>(count);
  }
}

const std::string& RawClient::read_until(const std::string& until) {
  std::string piece(65536, '\0');
  while (until.empty() || seen_.find(until) == std::string::npos) {
    const auto count = ::recv(socket_, piece.data(), piece.size(), 0);
    if (count <= 0) break;
    seen_.append(piece, 0, static_cast<std::size_t>(count));
  }
  return seen_;
}

Response call(const std::string& socket, const std::string& method, const std::string& target,
              const std::string& body) {
  RawClient client(socket);
  client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string& all = client.read_to_end();
  Response response;
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos || all.size() < 12) return response;
  response.status = std::atoi(all.c_str() + 9);
  response.head = all.substr(0, end + 2);
  response.body = all.substr(end + 4);
  return response;
}

}  // namespace holdpoint::api::test
