// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/request_view.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

Exit run_requests(const Context& context) {
  const bool all = context.arguments.has("all");
  std::string target = all ? "/v1/requests?state=all" : "/v1/requests?state=open";
  for (const char* filter : {"agent", "session"}) {
    if (const auto value = context.arguments.value(filter))
      target += std::string("&") + filter + "=" + encode(*value);
  }
  const auto answer = context.client.get(target);
  if (!answer) return fail(answer.error());
  if (context.json()) {
    print_json(*answer);
    return Exit::ok;
  }
  const auto requests = answer->at("requests").get<std::vector<nlohmann::json>>();
  print(all ? draw_history(requests, context.now(), context.terminal)
            : draw_queue(requests, context.now(), context.terminal));
  if (const auto observed = joined(child(*answer, "observed")); !observed.empty())
    print("Only observed, so not asked about: " + observed + "\n");
  return Exit::ok;
}

}  // namespace holdpoint::cli
