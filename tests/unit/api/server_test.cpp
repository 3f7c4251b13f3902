// SPDX-License-Identifier: Apache-2.0
// The running server on a real socket.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/peer.hpp"
#include "api/socket_file.hpp"
#include "unit/api/running_server.hpp"

namespace holdpoint::api::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::string get(const std::string& target, const std::string& more = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

std::string add_request(RunningServer& server, const std::string& object = "/etc/shadow") {
  std::string id;
  server.on_loop(
      [&](FakeService& service, FakeClock&) { id = service.add_request(service.add_session(), object); });
  return id;
}

void deny(RunningServer& server, const std::string& id) {
  const auto reply = call(server.socket(), "POST", "/v1/requests/" + id + "/decision",
                          R"({"decision":"deny","reason":"no"})");
  EXPECT_EQ(reply.status, 200) << reply.body;
}

TEST(Server, AnswersSeveralRequestsOnOneConnection) {
  RunningServer server;
  RawClient client(server.socket());
  client.send(get("/v1/health") + get("/v1/sessions", "Connection: close\r\n"));
  const std::string& all = client.read_to_end();
  EXPECT_NE(all.find("\"enforcing\":true"), std::string::npos);
  EXPECT_NE(all.find("\"sessions\":[]"), std::string::npos);
}

TEST(Server, RefusesWhatIsNotHttp) {
  RunningServer server;
  RawClient client(server.socket());
  client.send("\x16\x03\x01\x02 hello\r\n\r\n");
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 400"));
  EXPECT_EQ(server.counters().malformed, 1U);
}

TEST(Server, RefusesHeadersAndBodiesOverTheirBounds) {
  RunningServer server;
  RawClient header(server.socket());
  header.send(get("/v1/health", "X: " + std::string(20'000, 'x') + "\r\n"));
  EXPECT_TRUE(header.read_to_end().starts_with("HTTP/1.1 431"));
  EXPECT_EQ(call(server.socket(), "POST", "/v1/sessions", std::string(70'000, ' ')).status, 413);
  EXPECT_EQ(call(server.socket(), "POST", "/v1/sessions", std::string(60'000, ' ')).status, 422);
  EXPECT_EQ(server.counters().malformed, 2U);
}

TEST(Server, SpeaksOnlyHttpOneDotOne) {
  RunningServer server;
  RawClient client(server.socket());
  client.send("GET /v1/health HTTP/1.0\r\n\r\n");
  EXPECT_NE(client.read_to_end().find("http-version"), std::string::npos);
}

TEST(Server, ClosesIdleAndSlowClients) {
  Options options;
  options.limits.idle = milliseconds(20);
  options.limits.slow_client = milliseconds(20);
  RunningServer server(std::move(options));
  RawClient idle(server.socket());
  EXPECT_EQ(idle.read_to_end(), "");
  RawClient slow(server.socket());
  slow.send("GET /v1/health HTTP/1.1\r\nHos");
  EXPECT_EQ(slow.read_to_end(), "");
  EXPECT_EQ(server.counters().slow_clients, 1U);
}

TEST(Server, TurnsAwayConnectionsOverTheLimitAndTakesThemWhenThereIsRoom) {
  Options options;
  options.limits.connections = 1;
  RunningServer server(std::move(options));
  RawClient first(server.socket());
  first.send(get("/v1/health"));
  EXPECT_NE(first.read_until("enforcing").find("enforcing"), std::string::npos);
  EXPECT_EQ(call(server.socket(), "GET", "/v1/health").status, 503);
  EXPECT_EQ(server.counters().refused_full, 1U);
  first.hang_up();
  int status = 503;
  for (int i = 0; i < 1000 && status == 503; ++i) status = call(server.socket(), "GET", "/v1/health").status;
  EXPECT_EQ(status, 200);
}

TEST(Server, LetsNoUserTakeAllConnectionsAndRootAlwaysIn) {
  Options options;
  options.limits.connections_per_user = 1;
  bool root = false;
  options.identify = [&root](int) { return Result<Caller>(root ? root_caller() : member_caller()); };
  RunningServer server(std::move(options));
  RawClient first(server.socket());
  first.send(get("/v1/health"));
  (void)first.read_until("enforcing");
  EXPECT_EQ(call(server.socket(), "GET", "/v1/health").status, 503);
  server.on_loop([&](FakeService&, FakeClock&) { root = true; });
  EXPECT_EQ(call(server.socket(), "GET", "/v1/health").status, 200);
}

TEST(Server, TurnsAwayTaggedCallersBeforeTheySayAnything) {
  RunningServer server;
  server.on_loop([](FakeService& service, FakeClock&) { service.all_tagged = true; });
  RawClient client(server.socket());
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 403"));
  EXPECT_EQ(server.counters().refused_tagged, 1U);
}

TEST(Server, AsksAgainWithEachRequestWhetherTheCallerIsTagged) {
  RunningServer server;
  RawClient client(server.socket());
  client.send(get("/v1/health"));
  (void)client.read_until("enforcing");
  server.on_loop([](FakeService& service, FakeClock&) { service.all_tagged = true; });
  client.send(get("/v1/requests"));
  EXPECT_NE(client.read_to_end().find("HTTP/1.1 403"), std::string::npos);
}

TEST(Server, TurnsAwayCallersWhoseCredentialsItCannotRead) {
  Options options;
  options.identify = [](int) { return Result<Caller>(fail("no credentials")); };
  RunningServer server(std::move(options));
  EXPECT_EQ(call(server.socket(), "GET", "/v1/health").status, 403);
}

TEST(Wait, AnswersAtOnceWhenTheRequestIsOver) {
  RunningServer server;
  const std::string id = add_request(server);
  deny(server, id);
  const auto reply = call(server.socket(), "GET", "/v1/requests/" + id + "/wait?timeout=1h");
  EXPECT_EQ(json::parse(reply.body)["state"], "denied");
}

TEST(Wait, AnswersWhenSomebodyDecides) {
  RunningServer server;
  const std::string id = add_request(server);
  RawClient client(server.socket());
  client.send(get("/v1/requests/" + id + "/wait?timeout=5m", "Connection: close\r\n"));
  std::size_t waiting = 0;
  while (waiting == 0)
    server.on_loop([&](FakeService& service, FakeClock&) { waiting = service.subscribers(); });
  deny(server, id);
  EXPECT_NE(client.read_to_end().find("\"state\":\"denied\""), std::string::npos);
}

TEST(Wait, AnswersWhenTheRequestExpires) {
  RunningServer server;
  const std::string id = add_request(server);
  RawClient client(server.socket());
  client.send(get("/v1/requests/" + id + "/wait?timeout=5m", "Connection: close\r\n"));
  std::size_t waiting = 0;
  while (waiting == 0)
    server.on_loop([&](FakeService& service, FakeClock&) { waiting = service.subscribers(); });
  server.on_loop([](FakeService& service, FakeClock& clock) {
    clock.advance(std::chrono::hours(1));
    service.expire();
  });
  EXPECT_NE(client.read_to_end().find("\"state\":\"expired\""), std::string::npos);
}

TEST(Wait, AnswersWithTheOpenRequestWhenTimeIsUp) {
  RunningServer server;
  const std::string id = add_request(server);
  const auto reply = call(server.socket(), "GET", "/v1/requests/" + id + "/wait?timeout=1ms");
  EXPECT_EQ(json::parse(reply.body)["state"], "open");
  EXPECT_EQ(call(server.socket(), "GET", "/v1/requests/r-99/wait").status, 404);
}

TEST(Wait, ForgetsAClientThatHangsUp) {
  RunningServer server;
  const std::string id = add_request(server);
  RawClient client(server.socket());
  client.send(get("/v1/requests/" + id + "/wait?timeout=5m"));
  std::size_t waiting = 0;
  while (waiting == 0)
    server.on_loop([&](FakeService& service, FakeClock&) { waiting = service.subscribers(); });
  client.hang_up();
  while (waiting != 0)
    server.on_loop([&](FakeService& service, FakeClock&) { waiting = service.subscribers(); });
}

TEST(Events, BeginWhereTheReaderWasAndGoOnWithoutGapOrDouble) {
  Options options;
  options.limits.stream_page = 2;
  RunningServer server(std::move(options));
  add_request(server);
  RawClient client(server.socket());
  client.send(get("/v1/events", "Last-Event-ID: 1\r\n"));
  std::size_t newest = 0;
  server.on_loop([&](FakeService& service, FakeClock&) { newest = service.records(0, 100)->size(); });
  ASSERT_GE(newest, 3U);
  (void)client.read_until("id: " + std::to_string(newest) + "\n");
  server.on_loop([](FakeService& service, FakeClock&) { service.record("session", "{}"); });
  const std::string all = client.read_until("id: " + std::to_string(newest + 1) + "\n");
  EXPECT_EQ(all.find("id: 1\n"), std::string::npos);
  std::size_t before = 0;
  for (std::size_t id = 2; id <= newest + 1; ++id) {
    const auto at = all.find("id: " + std::to_string(id) + "\n");
    ASSERT_NE(at, std::string::npos) << id;
    EXPECT_GE(at, before);
    EXPECT_EQ(all.find("id: " + std::to_string(id) + "\n", at + 1), std::string::npos) << id;
    before = at;
  }
}

TEST(Events, KeepASilentStreamAlive) {
  Options options;
  options.limits.keep_alive = milliseconds(5);
  RunningServer server(std::move(options));
  RawClient client(server.socket());
  client.send(get("/v1/events"));
  EXPECT_NE(client.read_until(": keep-alive\n\n").find("text/event-stream"), std::string::npos);
}

TEST(Events, RefuseALastEventIdThatIsNoNumber) {
  RunningServer server;
  RawClient client(server.socket());
  client.send(get("/v1/events", "Last-Event-ID: x\r\nConnection: close\r\n"));
  EXPECT_TRUE(client.read_to_end().starts_with("HTTP/1.1 400"));
}

TEST(Events, DropAReaderThatDoesNotRead) {
  Options options;
  options.limits.slow_client = milliseconds(20);
  options.limits.stream_queue = 8;
  RunningServer server(std::move(options));
  RawClient client(server.socket());
  client.send(get("/v1/events"));
  (void)client.read_until("\r\n\r\n");
  const std::string record = json{{"detail", std::string(20'000, 'x')}}.dump();
  std::size_t watching = 1;
  for (int i = 0; i < 10'000 && watching != 0; ++i) {
    server.on_loop([&](FakeService& service, FakeClock&) {
      service.record("hold", record);
      watching = service.subscribers();
    });
  }
  EXPECT_EQ(watching, 0U);
  const Counters counters = server.counters();
  EXPECT_EQ(counters.slow_clients + counters.slow_streams, 1U);
}

TEST(Server, EndsEveryConnectionWhenItStops) {
  RunningServer server;
  const std::string id = add_request(server);
  RawClient events(server.socket());
  events.send(get("/v1/events"));
  RawClient wait(server.socket());
  wait.send(get("/v1/requests/" + id + "/wait?timeout=5m"));
  std::size_t watching = 0;
  while (watching != 2)
    server.on_loop([&](FakeService& service, FakeClock&) { watching = service.subscribers(); });
  server.stop();
  (void)events.read_to_end();
  EXPECT_EQ(wait.read_to_end(), "");
  server.on_loop([&](FakeService& service, FakeClock&) { watching = service.subscribers(); });
  EXPECT_EQ(watching, 0U);
  EXPECT_FALSE(std::filesystem::exists(server.socket()));
}

class Socket : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "hp-sock-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    path = directory + "/api.sock";
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  std::string directory;
  std::string path;
};

TEST_F(Socket, IsForOwnerAndGroupOnly) {
  const auto file = SocketFile::create(path, {});
  ASSERT_TRUE(file);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0660U);
}

TEST_F(Socket, OfALivingDaemonIsLeftAlone) {
  const auto file = SocketFile::create(path, {});
  ASSERT_TRUE(file);
  const auto second = SocketFile::create(path, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another daemon"), std::string::npos);
  EXPECT_NO_THROW(RawClient client(path));
}

TEST_F(Socket, OfADaemonWithoutTheLockIsLeftAloneToo) {
  const auto file = SocketFile::create(directory + "/real", {});
  std::filesystem::rename(directory + "/real", path);
  EXPECT_FALSE(SocketFile::create(path, {}));
}

TEST_F(Socket, OfADeadDaemonIsReplaced) {
  {
    auto file = SocketFile::create(path, {});
    ASSERT_TRUE(file);
    std::filesystem::rename(path, directory + "/kept");  // as a killed daemon leaves it
  }
  std::filesystem::rename(directory + "/kept", path);
  ASSERT_TRUE(std::filesystem::is_socket(path));
  const auto file = SocketFile::create(path, {});
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_NO_THROW(RawClient client(path));
}

TEST_F(Socket, NeverReplacesAnOrdinaryFile) {
  std::ofstream(path) << "precious";
  const auto file = SocketFile::create(path, {});
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("not a socket"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST_F(Socket, RefusesAPathThatDoesNotFit) {
  EXPECT_FALSE(SocketFile::create("/" + std::string(120, 'x'), {}));
}

TEST_F(Socket, TellsWhoConnected) {
  auto file = SocketFile::create(path, {});
  const RawClient client(path);
  const Fd listener(file->release_listener());
  const Fd accepted(::accept(listener.get(), nullptr, nullptr));
  const auto caller = identify_peer(accepted.get(), {});
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->pid, ::getpid());
  EXPECT_EQ(caller->uid, ::getuid());
  EXPECT_EQ(caller->may_decide, ::getuid() == 0);
  EXPECT_TRUE(identify_peer(accepted.get(), ::getgid())->may_decide);
}

}  // namespace
}  // namespace holdpoint::api::test
