// SPDX-License-Identifier: Apache-2.0
// Every bound of the API: why it is there, and what happens at it. Each refusal is counted (counters.hpp).
#pragma once

#include <chrono>
#include <cstddef>

namespace holdpoint::api {

struct Limits {
  // Each connection costs a descriptor and up to 80 KiB. At the limit: 503 and closed.
  std::size_t connections = 256;
  // So that one user's scripts cannot use up all of them. At the limit: 503 and closed. Root is not bound by it: somebody
  // must be able to get in.
  std::size_t connections_per_user = 64;
  // The longest body that makes sense is a decision with its reason (about 5 KiB). Over it: 413 and closed.
  std::uint64_t body_bytes = 64 * 1024;
  // Ours are below 1 KiB. Over it: 431 and closed.
  std::uint32_t header_bytes = 16 * 1024;
  // A connection that asks nothing. Then: closed.
  std::chrono::milliseconds idle{60'000};
  // A request that has begun must be here, and an answer must be taken, within this time, whatever the client does.
  // Then: closed.
  std::chrono::milliseconds slow_client{10'000};
  // Longest long poll; longer ones are cut to it, and the client asks again.
  std::chrono::milliseconds longest_wait{600'000};
  // Records a stream's reader may lag behind before it is dropped; it resumes from the log with Last-Event-ID.
  std::size_t stream_queue = 1024;
  // So that both ends notice a dead peer, and nothing between them closes a silent stream.
  std::chrono::milliseconds keep_alive{15'000};
  // Records read from the log in one step of a resuming stream.
  std::size_t stream_page = 256;
};

// Sizes of texts in requests, bytes. Over them: 422.
inline constexpr std::size_t longest_reason = 2000;
inline constexpr std::size_t longest_claim = 500;
inline constexpr std::size_t longest_name = 256;
inline constexpr std::size_t longest_path = 4096;
inline constexpr std::size_t longest_policy = 60 * 1024;  // one file, within a body
inline constexpr std::size_t most_labels = 32;
// GET /v1/records: records in one answer.
inline constexpr std::uint64_t most_records = 1000;
inline constexpr std::uint64_t usual_records = 200;
// GET /v1/requests: requests in one answer, newest kept.
inline constexpr std::uint64_t most_requests = 5000;

}  // namespace holdpoint::api
