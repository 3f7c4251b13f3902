// SPDX-License-Identifier: Apache-2.0
// The only file of the command line that knows Beast and Asio.
#include "cli/client.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace holdpoint::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using nlohmann::json;

namespace {

constexpr std::uint64_t most_answer_bytes =
    256ULL * 1024 * 1024;  // thousands of requests with long arguments

std::unexpected<Failure> fail_with(Exit exit, std::string message, std::string hint = {}) {
  return std::unexpected(Failure{exit, std::move(message), std::move(hint)});
}

Failure connect_failure(const std::string& path, error_code error) {
  switch (error.value()) {
    case ENOENT:
    case ECONNREFUSED:
      return {Exit::unreachable, "holdpointd is not running: nobody answers at " + path,
              "start it: sudo systemctl start holdpointd"};
    case EACCES:
      return {Exit::not_allowed, "you may not use " + path + ": only root and the group holdpoint may",
              "ask an administrator for: usermod -aG holdpoint $USER; then log in again"};
    case EPERM:
      return {Exit::not_allowed,
              "the kernel keeps this process from " + path + ": it belongs to an agent's session",
              "answer requests from a shell that no agent session started"};
    default: return {Exit::unreachable, "cannot reach holdpointd at " + path + ": " + error.message(), ""};
  }
}

Failure broken(error_code error) {
  if (error == beast::error::timeout) {
    return {Exit::unreachable, "holdpointd does not answer in time",
            "it may be stopped or overloaded: systemctl status holdpointd"};
  }
  return {Exit::unreachable, "the connection to holdpointd broke: " + error.message(),
          "is it restarting? try again"};
}

Exit exit_of(unsigned status, const std::string& code) {
  if (code == "not-open" || code == "other-digest") return Exit::not_open;
  if (code == "bad-body" || code == "bad-query" || code == "invalid") return Exit::usage;
  if (code == "not-stored") return Exit::not_stored;
  if (status == 403) return Exit::not_allowed;
  if (status == 404) return Exit::not_found;
  if (status == 503) return Exit::unreachable;
  return Exit::refused;
}

Failure problem_failure(unsigned status, const std::string& body) {
  const json problem = json::parse(body, nullptr, false);
  if (!problem.is_object() || !problem.contains("detail") || !problem["detail"].is_string()) {
    return {Exit::unreachable, fmt::format("holdpointd answered {} without saying why", status),
            "see its log", status};
  }
  const auto text = [&](const char* key) {
    return problem.contains(key) && problem[key].is_string() ? problem[key].get<std::string>()
                                                             : std::string();
  };
  return {exit_of(status, text("code")), text("detail"), text("hint"), status, text("code")};
}

// One connection. Every step runs the private loop until that step is done or its time is up.
class Exchange {
 public:
  Answer<void> connect(const std::string& path, Duration patience) {
    patience_ = patience;
    if (path.size() > 107) return fail_with(Exit::usage, "the socket path is longer than 107 bytes: " + path);
    error_code error;
    (void)stream_.socket().connect(asio::local::stream_protocol::endpoint(path),
                                   error);  // the same error again
    if (error) return std::unexpected(connect_failure(path, error));
    return {};
  }

  error_code send(http::request<http::string_body>& request) {
    return step([&](auto done) { http::async_write(stream_, request, done); });
  }
  template <typename Parser>
  error_code read(Parser& parser) {
    return step([&](auto done) { http::async_read(stream_, buffer_, parser, done); });
  }
  template <typename Parser>
  error_code read_header(Parser& parser) {
    return step([&](auto done) { http::async_read_header(stream_, buffer_, parser, done); });
  }
  template <typename Parser>
  error_code read_some(Parser& parser) {
    return step([&](auto done) { http::async_read_some(stream_, buffer_, parser, done); });
  }
  void be_patient(Duration patience) { patience_ = patience; }

 private:
  template <typename Start>
  error_code step(Start start) {
    error_code result;
    stream_.expires_after(std::chrono::duration_cast<std::chrono::milliseconds>(patience_));
    start([&result](error_code error, std::size_t) { result = error; });
    loop_.restart();
    loop_.run();
    return result;
  }

  asio::io_context loop_;
  beast::basic_stream<asio::local::stream_protocol> stream_{loop_};
  beast::flat_buffer buffer_;
  Duration patience_{};
};

http::request<http::string_body> request_for(const std::string& method, const std::string& target,
                                             const std::string& body) {
  http::request<http::string_body> request(http::string_to_verb(method), target, 11);
  request.set(http::field::host, "holdpoint");
  request.set(http::field::accept, "application/json");
  request.keep_alive(false);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  return request;
}

}  // namespace

std::string encode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Answer<json> Client::call(const std::string& method, const std::string& target, const std::string& body,
                          Duration patience) const {
  Exchange exchange;
  if (auto connected = exchange.connect(socket_path_, patience); !connected)
    return std::unexpected(connected.error());
  auto request = request_for(method, target, body);
  // A daemon that turns a caller away answers and closes without reading: its answer counts, not our broken write.
  const error_code sent = exchange.send(request);
  http::response_parser<http::string_body> parser;
  parser.body_limit(most_answer_bytes);
  if (const error_code error = exchange.read(parser)) return std::unexpected(broken(sent ? sent : error));
  const auto& response = parser.get();
  if (response.result_int() == 204) return json(nullptr);
  if (response.result_int() >= 400)
    return std::unexpected(problem_failure(response.result_int(), response.body()));
  json out = json::parse(response.body(), nullptr, false);
  if (out.is_discarded())
    return fail_with(Exit::unreachable, "holdpointd's answer is not JSON", "see its log");
  return out;
}

Answer<json> Client::get(const std::string& target, Duration patience) const {
  return call("GET", target, "", patience);
}

Answer<json> Client::send(const std::string& method, const std::string& target, const json& body) const {
  // Text from the command line may be any bytes; JSON is UTF-8.
  return call(method, target, body.dump(-1, ' ', false, json::error_handler_t::replace),
              std::chrono::seconds(30));
}

Answer<json> Client::post(const std::string& target, const json& body) const {
  return send("POST", target, body);
}

Answer<json> Client::put(const std::string& target, const json& body) const {
  return send("PUT", target, body);
}

Answer<json> Client::remove(const std::string& target) const {
  return call("DELETE", target, "", std::chrono::seconds(30));
}

Answer<void> Client::stream(std::optional<std::uint64_t> after, const std::function<void()>& connected,
                            const std::function<bool(const SseEvent&)>& take) const {
  Exchange exchange;
  if (auto there = exchange.connect(socket_path_, std::chrono::seconds(30)); !there) return there;
  auto request = request_for("GET", "/v1/events", "");
  request.set(http::field::accept, "text/event-stream");
  if (after) request.set("Last-Event-ID", std::to_string(*after));
  const error_code sent = exchange.send(request);
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (const error_code error = exchange.read_header(parser))
    return std::unexpected(broken(sent ? sent : error));
  std::array<char, 16384> piece{};
  std::string problem;
  const bool good = parser.get().result_int() == 200;
  if (good) connected();
  exchange.be_patient(std::chrono::seconds(50));
  SseParser events;
  while (!parser.is_done()) {
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    const error_code error = exchange.read_some(parser);
    if (error && error != http::error::need_buffer) break;
    const std::string_view bytes(piece.data(), piece.size() - parser.get().body().size);
    if (!good) {
      problem.append(bytes);
      continue;
    }
    const auto complete = events.feed(bytes);
    if (!complete) return fail_with(Exit::unreachable, "the event stream holds an event that is too long");
    for (const SseEvent& event : *complete) {
      if (!take(event)) return {};
    }
  }
  if (!good) return std::unexpected(problem_failure(parser.get().result_int(), problem));
  return {};
}

}  // namespace holdpoint::cli
