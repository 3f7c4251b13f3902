// SPDX-License-Identifier: Apache-2.0
// Server-sent events from bytes that come in any pieces. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdpoint::cli {

struct SseEvent {
  std::string id;
  std::string kind;  // "event:" field; "message" when there is none
  std::string data;  // several data lines joined by newline
};

class SseParser {
 public:
  // Takes bytes, gives the events that they complete. Comments are dropped. An event longer than `most_bytes` is an error:
  // empty result, and everything after it is refused.
  [[nodiscard]] std::optional<std::vector<SseEvent>> feed(std::string_view bytes);

 private:
  void take_line(std::string_view line, std::vector<SseEvent>& out);

  static constexpr std::size_t most_bytes = 4 * 1024 * 1024;  // far above a record with 16 KiB of arguments
  std::string rest_;
  SseEvent event_;
  bool has_data_ = false;
  bool failed_ = false;
};

}  // namespace holdpoint::cli
