// SPDX-License-Identifier: Apache-2.0
// One HTTP request and its answer as plain values, so that routing and handlers know no network library.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/counters.hpp"
#include "api/service.hpp"
#include "base/clock.hpp"

namespace holdpoint::api {

// As it came in. `path` and `query` are decoded.
struct Incoming {
  std::string method;  // "GET"
  std::string path;
  std::map<std::string, std::string> query;
  std::string body;
  std::optional<std::uint64_t> last_event_id;
};

// Splits and decodes a request target ("/v1/requests?state=open") into path and query. Error: bad escapes, a key twice,
// or not an absolute path.
[[nodiscard]] Result<Incoming> parse_target(std::string_view target);

struct Reply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::string allow;   // for 405
  bool close = false;  // after this answer
};
// Answer when the request is no longer open, or after `timeout` with the request as it is then.
struct WaitForRequest {
  std::string id;
  Duration timeout;
};
// Server-sent events: records after `after`, then what comes; without it only what comes.
struct EventStream {
  std::optional<std::uint64_t> after;
};
// Handle the same request again once Service::read_content has called back.
struct ReadContent {
  std::string id;
};
using Outcome = std::variant<Reply, WaitForRequest, EventStream, ReadContent>;

// What a handler gets.
struct Call {
  const Incoming& in;
  std::string parameter;  // what stood for {…} in the path
  const Caller& caller;
  Service& service;
  const Counters& counters;
  Now now;
};

}  // namespace holdpoint::api
