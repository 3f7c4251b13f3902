// SPDX-License-Identifier: Apache-2.0
#include "cli/sse_parser.hpp"

namespace holdpoint::cli {

std::optional<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  std::vector<SseEvent> out;
  rest_.append(bytes);
  std::size_t start = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', start)) {
    std::string_view line = std::string_view(rest_).substr(start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take_line(line, out);
    start = end + 1;
  }
  rest_.erase(0, start);
  if (rest_.size() + event_.data.size() > most_bytes) failed_ = true;
  if (failed_) return {};
  return out;
}

void SseParser::take_line(std::string_view line, std::vector<SseEvent>& out) {
  if (line.empty()) {
    if (has_data_) {
      if (event_.kind.empty()) event_.kind = "message";
      out.push_back(event_);
    }
    event_ = SseEvent{.id = event_.id, .kind = {}, .data = {}};  // the id holds until another one comes
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    event_.kind = value;
  } else if (name == "id") {
    event_.id = value;
  }
}

}  // namespace holdpoint::cli
