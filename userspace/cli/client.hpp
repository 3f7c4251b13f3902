// SPDX-License-Identifier: Apache-2.0
// Calls the daemon's API, blocking. Every call has a connection of its own, closed when it returns, so that no descriptor of
// it reaches a program that `run` starts.
#pragma once

#include <expected>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "cli/exit_code.hpp"
#include "cli/sse_parser.hpp"

namespace holdpoint::cli {

template <typename T>
using Answer = std::expected<T, Failure>;

class Client {
 public:
  explicit Client(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // `patience`: how long the daemon may take; after that it counts as not reachable.
  [[nodiscard]] Answer<nlohmann::json> get(const std::string& target,
                                           Duration patience = std::chrono::seconds(30)) const;
  [[nodiscard]] Answer<nlohmann::json> post(const std::string& target, const nlohmann::json& body) const;
  [[nodiscard]] Answer<nlohmann::json> put(const std::string& target, const nlohmann::json& body) const;
  [[nodiscard]] Answer<nlohmann::json> remove(const std::string& target) const;

  // Reads events until the connection ends or `take` returns false; `connected` is called when the stream is there. A
  // stream that ended is no failure: reconnect with the last id. Silence for three keep-alives counts as its end.
  [[nodiscard]] Answer<void> stream(std::optional<std::uint64_t> after,
                                    const std::function<void()>& connected,
                                    const std::function<bool(const SseEvent&)>& take) const;

  [[nodiscard]] const std::string& socket_path() const { return socket_path_; }

 private:
  [[nodiscard]] Answer<nlohmann::json> send(const std::string& method, const std::string& target,
                                            const nlohmann::json& body) const;
  [[nodiscard]] Answer<nlohmann::json> call(const std::string& method, const std::string& target,
                                            const std::string& body, Duration patience) const;
  std::string socket_path_;
};

// One part of a path or query, percent-encoded.
[[nodiscard]] std::string encode(const std::string& text);

}  // namespace holdpoint::cli
