// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/follow.hpp"
#include "cli/request_view.hpp"

namespace holdpoint::cli {
namespace {

// The number of the newest record, so that nothing falls between the queue and the stream.
Answer<std::uint64_t> newest_record(const Client& client) {
  std::uint64_t last = 0;
  for (;;) {
    const auto page = client.get("/v1/records?limit=1000&after=" + std::to_string(last));
    if (!page) return std::unexpected(page.error());
    const std::uint64_t next = page->value("last", last);
    if (next == last) return last;
    last = next;
  }
}

}  // namespace

Exit run_watch(const Context& context) {
  const auto filter = RecordFilter::from(context.arguments, context.now());
  if (!filter) return fail({Exit::usage, filter.error(), ""});
  const auto last = newest_record(context.client);
  if (!last) return fail(last.error());
  if (!context.json()) {
    const auto answer = context.client.get("/v1/requests?state=open");
    if (!answer) return fail(answer.error());
    const auto requests = answer->at("requests").get<std::vector<nlohmann::json>>();
    print(draw_queue(requests, context.now(), context.terminal) + "\n");
  }
  return follow(context, *filter, *last);
}

}  // namespace holdpoint::cli
