// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/request_view.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

// Asks again and again, since one long poll has a bound. The last answer, open or not.
Answer<nlohmann::json> wait(const Context& context, const std::string& id, Duration timeout) {
  const WallTime until = context.now() + timeout;
  for (;;) {
    const Duration left = std::max(until - context.now(), Duration{});
    const Duration part = std::min<Duration>(left, std::chrono::minutes(5));
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(part).count();
    auto answer =
        context.client.get(fmt::format("/v1/requests/{}/wait?timeout={}ms", encode(id), milliseconds),
                           part + std::chrono::seconds(30));
    if (!answer || field(*answer, "state") != "open" || left == part) return answer;
  }
}

}  // namespace

Exit run_show(const Context& context) {
  const std::string id = request_id(context.arguments.positional.front());
  const bool waiting = context.arguments.has("wait");
  const auto timeout = api::parse_duration(context.arguments.value("timeout").value_or("1h"));
  if (!timeout) return fail({Exit::usage, "--timeout is not a duration", "such as 90s, 30m or 1h"});
  const auto request =
      waiting ? wait(context, id, *timeout) : context.client.get("/v1/requests/" + encode(id));
  if (!request) {
    Failure failure = request.error();
    if (failure.exit == Exit::not_found)
      failure.hint = "holdpoint requests lists what is open; --all also what is over";
    return fail(failure);
  }
  if (context.json()) {
    print_json(*request);
  } else {
    print(draw_request(*request, context.now(), context.terminal));
  }
  if (!waiting) return Exit::ok;
  const std::string state = field(*request, "state");
  if (state == "open") return Exit::timed_out;
  return state == "approved" ? Exit::ok : Exit::refused;
}

}  // namespace holdpoint::cli
