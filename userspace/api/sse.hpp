// SPDX-License-Identifier: Apache-2.0
// Server-sent events (text/event-stream) as bytes, and the queue between the record log and one reader. Pure.
#pragma once

#include <deque>
#include <string>

#include "api/service.hpp"

namespace holdpoint::api {

// "id: 7\nevent: decision\ndata: {…}\n\n".
[[nodiscard]] std::string sse_event(const StreamEvent& event);
// A comment line: ignored by readers, seen by both kernels.
[[nodiscard]] std::string sse_keep_alive();

// What one reader has not got yet. While the reader catches up from the log nothing is queued, so that a long way back
// costs no memory. Then each record is queued; over the bound the reader has lost.
class StreamQueue {
 public:
  explicit StreamQueue(std::size_t bound) : bound_(bound) {}
  // To read from the log from here on, before anything is queued.
  void catch_up_from(std::uint64_t after) {
    catching_up_ = true;
    last_ = after;
  }
  [[nodiscard]] bool catching_up() const { return catching_up_; }
  [[nodiscard]] std::uint64_t last() const { return last_; }

  void add(const StreamEvent& event);
  // One page of the log after last(); an empty one ends catching up. The text to send.
  [[nodiscard]] std::string take_page(const std::vector<StreamEvent>& page);
  // All that is queued, as text to send; empty = nothing.
  [[nodiscard]] std::string take();
  [[nodiscard]] bool overflowed() const { return overflowed_; }

 private:
  std::size_t bound_;
  std::deque<StreamEvent> queue_;
  std::uint64_t last_ = 0;  // sequence handed out last
  bool catching_up_ = false;
  bool overflowed_ = false;
};

}  // namespace holdpoint::api
