// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"

namespace holdpoint::cli {

Exit run_arm(const Context& context) {
  if (const auto done = context.client.remove("/v1/disarm"); !done) return fail(done.error());
  if (context.json()) print_json({{"armed", true}});
  else print("The rules are armed.\n");
  return Exit::ok;
}

}  // namespace holdpoint::cli
