// SPDX-License-Identifier: Apache-2.0
#include "api/sse.hpp"

#include <nlohmann/json.hpp>

#include "api/wire.hpp"

namespace holdpoint::api {

std::string sse_event(const StreamEvent& event) {
  // dump() writes one line, so that no record can pretend to be two.
  return "id: " + std::to_string(event.sequence) + "\nevent: " + event.kind +
         "\ndata: " + dump(to_json(event)) + "\n\n";
}

std::string sse_keep_alive() { return ": keep-alive\n\n"; }

void StreamQueue::add(const StreamEvent& event) {
  // Catching up ends with a page that is empty, read on this same thread: what was announced before is in the log by then.
  if (catching_up_ || overflowed_ || event.sequence <= last_) return;
  if (queue_.size() >= bound_) {
    overflowed_ = true;
    queue_.clear();
    return;
  }
  queue_.push_back(event);
}

std::string StreamQueue::take_page(const std::vector<StreamEvent>& page) {
  std::string text;
  for (const StreamEvent& event : page) {
    text += sse_event(event);
    last_ = event.sequence;
  }
  if (page.empty()) catching_up_ = false;
  return text;
}

std::string StreamQueue::take() {
  std::string text;
  for (const StreamEvent& event : queue_) {
    text += sse_event(event);
    last_ = event.sequence;
  }
  queue_.clear();
  return text;
}

}  // namespace holdpoint::api
