// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

Exit run_untag(const Context& context) {
  const std::string& id = context.arguments.positional.front();
  const auto answer = context.client.remove("/v1/tags/" + encode(id));
  if (!answer) {
    Failure failure = answer.error();
    if (failure.exit == Exit::not_found) failure.hint = "holdpoint sessions lists them";
    return fail(failure);
  }
  if (context.json()) {
    print_json({{"untagged", id}});
  } else {
    print("Session " + printable(id) + " is over: its processes are free again.\n");
  }
  return Exit::ok;
}

}  // namespace holdpoint::cli
