// SPDX-License-Identifier: Apache-2.0
// The API with a fake daemon behind it, as a program: for tests in Python and for looking at the command line.
//   hp_api_fake_server --routes          prints "METHOD PATTERN" for every route
//   hp_api_fake_server SOCKET            serves until standard input ends; prints "ready" once it listens
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdio>
#include <cstring>

#include "api/router.hpp"
#include "api/server.hpp"
#include "unit/api/running_server.hpp"

namespace {

using namespace holdpoint;

// One of everything: open, decided, over; sessions alive and ended; a grant.
void fill(api::test::FakeService& service) {
  const auto coder = service.add_session("coder");
  const auto cleaner = service.add_session("cleaner");
  const auto approved = service.add_request(coder, "10.0.0.5:5432/tcp");
  const auto denied = service.add_request(cleaner, "/etc/shadow");
  service.add_request(coder);
  service.add_request(
      coder, "/usr/bin/psql",
      {"psql", "-h", "db.internal", "-f", "migrate.sql", "--set", "note=two words", "--username", "shop"});
  approval::Decision yes;
  yes.approve = true;
  yes.scope = approval::Scope::session;
  yes.by = {"unix", "1001", "grace"};
  yes.channel = "unix-api";
  approval::Decision no = yes;
  no.approve = false;
  no.scope = approval::Scope::once;
  no.reason = event::mask("shadow is none of its business");
  (void)service.decide(approved, yes);
  (void)service.decide(denied, no);
}

}  // namespace

int main(int count, char** words) {
  if (count == 2 && std::strcmp(words[1], "--routes") == 0) {
    for (const auto& route : api::routes()) {
      std::printf("%.*s %.*s\n", static_cast<int>(route.method.size()), route.method.data(),
                  static_cast<int>(route.pattern.size()), route.pattern.data());
    }
    return 0;
  }
  if (count < 2) return 2;
  boost::asio::io_context loop;
  const SystemClock clock;
  api::test::FakeService service(clock);
  fill(service);
  api::Options options;
  options.socket_path = words[1];
  options.identify = [](int) { return Result<api::Caller>(api::test::root_caller()); };
  auto server = api::Server::start(loop, service, clock, options);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().text().c_str());
    return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  boost::asio::posix::stream_descriptor input(loop, ::dup(STDIN_FILENO));
  char byte = 0;
  input.async_read_some(boost::asio::buffer(&byte, 1), [&](auto, auto) { loop.stop(); });
  loop.run();
  server->reset();
  return 0;
}
