// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

Exit run_revoke(const Context& context) {
  std::string id = context.arguments.positional.front();
  if (id.find_first_not_of("0123456789") == std::string::npos) id = "g-" + id;
  const auto answer = context.client.remove("/v1/grants/" + encode(id));
  if (!answer) {
    Failure failure = answer.error();
    if (failure.exit == Exit::not_found) failure.hint = "holdpoint grants lists them";
    return fail(failure);
  }
  if (context.json()) {
    print_json({{"revoked", id}});
  } else {
    print("Revoked " + printable(id) + ": the same action is asked about again.\n");
  }
  return Exit::ok;
}

}  // namespace holdpoint::cli
