// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.hpp"

#include <charconv>
#include <thread>

#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

void say(const char* text) {
  std::fputs(text, stderr);
  std::fflush(stderr);
}

}  // namespace

void print_record(const Context& context, const nlohmann::json& record) {
  if (context.json()) {
    print_json(record);
  } else {
    print(draw_record(record, context.now(), context.terminal));
  }
}

Exit follow(const Context& context, const RecordFilter& filter, std::optional<std::uint64_t> after,
            const std::function<void()>& begin) {
  bool ever_connected = false;
  bool lost = false;
  for (;;) {
    const auto ended = context.client.stream(
        after,
        [&] {
          if (lost) say("holdpoint: connected again\n");
          if (!ever_connected && begin) begin();
          ever_connected = true;
          lost = false;
        },
        [&](const SseEvent& event) {
          if (const auto id = number(event.id)) after = id;
          const auto record = nlohmann::json::parse(event.data, nullptr, false);
          if (record.is_object() && filter.takes(record)) print_record(context, record);
          return std::ferror(stdout) == 0;  // nobody reads any more
        });
    if (std::ferror(stdout) != 0) return Exit::ok;
    if (!ended && (ended.error().exit != Exit::unreachable || !ever_connected)) return fail(ended.error());
    if (!lost) say("holdpoint: the daemon is gone; waiting for it\n");
    lost = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace holdpoint::cli
