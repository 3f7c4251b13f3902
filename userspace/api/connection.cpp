// SPDX-License-Identifier: Apache-2.0
// The only file of the server that knows Beast. One coroutine per client: read, dispatch, write, again.
#include "api/connection.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <exception>

#include "api/problem.hpp"
#include "api/router.hpp"
#include "api/sse.hpp"
#include "api/wire.hpp"

#include <nlohmann/json.hpp>

namespace holdpoint::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::string_body>;

namespace {
constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
// What was read for this decision may be used up by another one.
constexpr int content_looks = 3;
}  // namespace

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerState> state, asio::local::stream_protocol::socket socket, Caller caller)
      : state_(std::move(state)),
        stream_(std::move(socket)),
        timer_(stream_.get_executor()),
        caller_(std::move(caller)),
        queue_(limits().stream_queue) {
    state_->connections.insert(this);
    ++state_->per_user[caller_.uid];
  }
  ~Connection() {
    state_->connections.erase(this);
    const auto count = state_->per_user.find(caller_.uid);
    if (count != state_->per_user.end() && --count->second == 0) state_->per_user.erase(count);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  asio::awaitable<void> run() {
    bool more = true;
    while (more && !gone_) {
      Parser parser;
      const bool complete = co_await read(parser);
      if (!complete) break;
      more = co_await answer(parser.get());
    }
    close();
  }

  void close() {
    gone_ = true;
    subscription_.reset();
    timer_.cancel();
    error_code ignored;
    (void)stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    stream_.close();
  }

 private:
  [[nodiscard]] const Limits& limits() const { return state_->options.limits; }

  // One whole request; false: the connection is over, and the client was told why where there was a reason.
  asio::awaitable<bool> read(Parser& parser) {
    parser.header_limit(limits().header_bytes);
    parser.body_limit(limits().body_bytes);
    stream_.expires_after(limits().idle);
    auto [error, first] = co_await http::async_read_some(stream_, buffer_, parser, awaiting);
    const bool begun = parser.got_some();
    if (!error && !parser.is_done()) {
      stream_.expires_after(limits().slow_client);
      auto [rest_error, rest] = co_await http::async_read(stream_, buffer_, parser, awaiting);
      error = rest_error;
    }
    if (gone_) co_return false;
    if (!error) co_return true;
    if (const auto reply = refusal(error, begun)) co_await write(*reply, false);
    co_return false;
  }

  // What to say about a request that could not be read; nothing to clients that just left or stayed silent.
  std::optional<Reply> refusal(error_code error, bool begun) {
    if (error == beast::error::timeout) {
      if (begun) ++state_->counters.slow_clients;
      return {};  // Beast has closed the socket
    }
    if (error == http::error::end_of_stream ||
        error.category() != http::make_error_code(http::error{}).category()) {
      return {};
    }
    ++state_->counters.malformed;
    if (error == http::error::body_limit) {
      return problem(413, "body-too-large",
                     "the body is longer than " + std::to_string(limits().body_bytes) + " bytes");
    }
    if (error == http::error::header_limit) {
      return problem(431, "header-too-large",
                     "the header is longer than " + std::to_string(limits().header_bytes) + " bytes");
    }
    return problem(400, "malformed", "this is not an HTTP/1.1 request: " + error.message());
  }

  // True: the connection stays for the next request.
  asio::awaitable<bool> answer(const http::request<http::string_body>& request) {
    ++state_->counters.requests;
    const bool keep = request.keep_alive();
    Outcome outcome = outcome_of(request);
    if (auto* stream = std::get_if<EventStream>(&outcome)) {
      co_await send_events(*stream);
      co_return false;
    }
    for (int look = 0; look < content_looks; ++look) {
      const auto* content = std::get_if<ReadContent>(&outcome);
      if (content == nullptr) break;
      co_await read_content(content->id);
      if (gone_) co_return false;
      outcome = outcome_of(request);
    }
    if (std::holds_alternative<ReadContent>(outcome))
      outcome = problem(409, "conflict", "others decide this request at the same time", "look at it again");
    if (auto* wait = std::get_if<WaitForRequest>(&outcome)) outcome = co_await wait_for(*wait);
    if (gone_) co_return false;
    const bool written = co_await write(std::get<Reply>(outcome), keep);
    co_return written&& keep && !std::get<Reply>(outcome).close;
  }

  Outcome outcome_of(const http::request<http::string_body>& request) {
    if (request.version() != 11) return problem(505, "http-version", "only HTTP/1.1 is spoken here");
    auto in = parse_target(std::string_view(request.target().data(), request.target().size()));
    if (!in) return problem(400, "malformed", in.error().message);
    in->method = std::string(request.method_string());
    in->body = request.body();
    if (const auto found = request.find("Last-Event-ID"); found != request.end()) {
      std::uint64_t last = 0;
      const auto text = found->value();
      const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), last);
      if (code != std::errc{} || end != text.data() + text.size()) {
        return problem(400, "bad-query", "Last-Event-ID is not the number of a record");
      }
      in->last_event_id = last;
    }
    return dispatch(*in, caller_, state_->service, state_->counters, state_->clock.now());
  }

  asio::awaitable<bool> write(const Reply& reply, bool keep) {
    http::response<http::string_body> response(static_cast<http::status>(reply.status), 11);
    response.set(http::field::cache_control, "no-store");
    if (!reply.allow.empty()) response.set(http::field::allow, reply.allow);
    if (reply.status != 204) {
      response.set(http::field::content_type, reply.content_type);
      response.body() = reply.body;
      response.prepare_payload();
    }
    response.keep_alive(keep && !reply.close);
    stream_.expires_after(limits().slow_client);
    const auto [error, size] = co_await http::async_write(stream_, response, awaiting);
    if (error == beast::error::timeout) ++state_->counters.slow_clients;
    co_return !error;
  }

  // Each record wakes the coroutine that waits at the timer; it looks for itself what has changed.
  void subscribe() {
    subscription_ = state_->service.subscribe([weak = weak_from_this()](const StreamEvent& event) {
      if (const auto self = weak.lock()) {
        if (self->streaming_) self->queue_.add(event);
        self->timer_.cancel();
      }
    });
  }

  // A client that hangs up while it waits must not keep its place. Readable with nothing to read means: gone.
  void watch_for_hang_up() {
    stream_.socket().async_wait(asio::socket_base::wait_read, [weak = weak_from_this()](error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      char byte = 0;
      const auto got = ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (got != 0) return;  // it has sent its next request: it is still there
      self->gone_ = true;
      self->timer_.cancel();
    });
  }

  asio::awaitable<void> read_content(std::string id) {
    auto ready = std::make_shared<bool>(false);
    timer_.expires_at(asio::steady_timer::time_point::max());
    state_->service.read_content(id, [ready, weak = weak_from_this()] {
      *ready = true;
      if (const auto self = weak.lock()) self->timer_.cancel();
    });
    while (!*ready && !gone_) co_await timer_.async_wait(awaiting);
  }

  asio::awaitable<Outcome> wait_for(WaitForRequest wait) {
    timer_.expires_after(std::min<Duration>(wait.timeout, limits().longest_wait));
    subscribe();
    watch_for_hang_up();
    while (!gone_) {
      const approval::Request* request = state_->service.ledger().request(wait.id);
      if (request == nullptr || request->state != approval::RequestState::open) break;
      const auto [error] = co_await timer_.async_wait(awaiting);
      if (!error) break;  // nobody answered in time
    }
    subscription_.reset();
    if (gone_) co_return Reply{};  // never sent
    error_code ignored;
    (void)stream_.socket().cancel(ignored);  // the watch for a hang-up
    const approval::Request* request = state_->service.ledger().request(wait.id);
    if (request == nullptr)
      co_return problem(404, "not-found", "request \"" + wait.id + "\" is no longer kept");
    Reply reply;
    reply.body = dump(to_json(*request, state_->service.ledger()));
    co_return reply;
  }

  asio::awaitable<void> send_events(EventStream wanted) {
    streaming_ = true;
    if (wanted.after) queue_.catch_up_from(*wanted.after);
    subscribe();
    bool sending = co_await send_event_header();
    if (sending && !gone_) watch_for_hang_up();
    while (sending && !gone_) {
      if (queue_.overflowed()) {
        ++state_->counters.slow_streams;
        break;
      }
      std::string text = next_events();
      if (text.empty() && !queue_.catching_up()) {
        timer_.expires_after(limits().keep_alive);
        const auto [error] = co_await timer_.async_wait(awaiting);
        if (!error) text = sse_keep_alive();
      }
      if (!text.empty() && !gone_) sending = co_await send_chunk(text);
    }
  }

  std::string next_events() {
    if (!queue_.catching_up()) return queue_.take();
    const auto page = state_->service.records(queue_.last(), limits().stream_page);
    if (page) return queue_.take_page(*page);
    // The log cannot be read: end the stream rather than go on with a gap that nobody sees.
    gone_ = true;
    return {};
  }

  asio::awaitable<bool> send_event_header() {
    http::response<http::empty_body> response(http::status::ok, 11);
    response.set(http::field::content_type, "text/event-stream");
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(false);
    response.chunked(true);
    http::response_serializer<http::empty_body> serializer(response);
    stream_.expires_after(limits().slow_client);
    const auto [error, size] = co_await http::async_write_header(stream_, serializer, awaiting);
    co_return !error;
  }

  asio::awaitable<bool> send_chunk(const std::string& text) {
    stream_.expires_after(limits().slow_client);
    const auto chunk = http::make_chunk(asio::const_buffer(text.data(), text.size()));
    const auto [error, size] = co_await asio::async_write(stream_, chunk, awaiting);
    if (error == beast::error::timeout) ++state_->counters.slow_clients;
    co_return !error;
  }

  std::shared_ptr<ServerState> state_;
  beast::basic_stream<asio::local::stream_protocol> stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  Caller caller_;
  Service::Subscription subscription_;
  StreamQueue queue_;
  bool streaming_ = false;
  bool gone_ = false;
};

void serve(const std::shared_ptr<ServerState>& state, asio::local::stream_protocol::socket socket,
           Caller caller) {
  const auto executor = socket.get_executor();
  auto connection = std::make_shared<Connection>(state, std::move(socket), std::move(caller));
  // Nothing of ours throws. If something does, half of a decision may have been carried out: the daemon ends, and the next one
  // goes on from what is stored. Silence would leave it half done.
  asio::co_spawn(
      executor, [connection]() { return connection->run(); },
      [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
}

void close(Connection& connection) { connection.close(); }

}  // namespace holdpoint::api
