// SPDX-License-Identifier: Apache-2.0
#include "cli/decide.hpp"

#include <fmt/format.h>

#include "cli/request_view.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

Exit fail_to_decide(Failure failure, const std::string& id) {
  if (failure.exit == Exit::not_found) failure.hint = "holdpoint requests lists what is open";
  if (failure.code == "not-open") failure.hint = "holdpoint show " + id + " says how it ended";
  if (failure.code == "other-digest") failure.hint = "holdpoint show " + id + " says what it asks about now";
  if (failure.code == "too-many-grants")
    failure.hint = "holdpoint grants lists them, holdpoint revoke ends one; or approve it once, or deny it";
  return fail(failure);
}

}  // namespace

Exit decide(const Context& context, nlohmann::json decision) {
  const std::string id = request_id(context.arguments.positional.front());
  const auto request = context.client.get("/v1/requests/" + encode(id));
  if (!request) return fail_to_decide(request.error(), id);
  decision["digest"] = field(*request, "digest");
  const auto decided = context.client.post("/v1/requests/" + encode(id) + "/decision", decision);
  if (!decided) return fail_to_decide(decided.error(), id);
  if (context.json()) {
    print_json(*decided);
    return Exit::ok;
  }
  const bool approved = field(*decided, "state") == "approved";
  print(fmt::format("{} {}: {}\n",
                    approved ? context.terminal.paint(Colour::green, "Approved")
                             : context.terminal.paint(Colour::red, "Denied"),
                    printable(field(*decided, "id")), attempt(*decided)));
  return Exit::ok;
}

}  // namespace holdpoint::cli
