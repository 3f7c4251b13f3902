// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/follow.hpp"
#include "cli/request_view.hpp"

namespace holdpoint::cli {
namespace {

void print_queue(const Context& context) {
  const auto answer = context.client.get("/v1/requests?state=open");
  if (!answer) return;  // the stream itself will say what is wrong
  const auto requests = answer->at("requests").get<std::vector<nlohmann::json>>();
  print(draw_queue(requests, context.now(), context.terminal) + "\n");
}

}  // namespace

Exit run_watch(const Context& context) {
  const auto filter = RecordFilter::from(context.arguments, context.now());
  if (!filter) return fail({Exit::usage, filter.error(), ""});
  // The queue is read once the stream is there, so that nothing falls between the two.
  return follow(context, *filter, std::nullopt, [&] {
    if (!context.json()) print_queue(context);
  });
}

}  // namespace holdpoint::cli
