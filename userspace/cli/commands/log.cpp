// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/follow.hpp"

namespace holdpoint::cli {

Exit run_log(const Context& context) {
  const auto filter = RecordFilter::from(context.arguments, context.now());
  if (!filter) return fail({Exit::usage, filter.error(), "holdpoint help log"});
  std::uint64_t last = 0;
  for (;;) {
    const auto page = context.client.get("/v1/records?limit=1000&after=" + std::to_string(last));
    if (!page) return fail(page.error());
    for (const auto& record : page->at("records")) {
      if (filter->takes(record)) print_record(context, record);
    }
    const std::uint64_t next = page->value("last", last);
    if (next == last) break;
    last = next;
  }
  if (!context.arguments.has("follow")) return Exit::ok;
  return follow(context, *filter, last);
}

}  // namespace holdpoint::cli
