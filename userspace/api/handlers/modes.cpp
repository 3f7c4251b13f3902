// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome list_modes(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const auto agent = query.text("agent", longest_name);
  if (auto error = query.error()) return *error;
  nlohmann::json list = nlohmann::json::array();
  for (const ModeRow& row : call.service.modes(agent.value_or(""))) list.push_back(to_json(row));
  if (agent && list.empty())
    return problem(404, "not-found", "no agent \"" + *agent + "\" in the policy", "GET /v1/modes lists them");
  return Reply{.body = dump({{"modes", list}}), .allow = {}};
}

Outcome set_mode(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto agent = body.text("agent", longest_name);
  body.require(agent && !agent->empty(), "agent");
  const auto rule = body.text("rule", longest_name);
  const auto mode = body.text("mode", longest_name);
  body.require(mode.has_value(), "mode");
  if (mode && *mode != "observe" && *mode != "enforce" && *mode != "policy")
    body.wrong("\"mode\" is none of observe, enforce, policy");
  const auto reason = body.text("reason", longest_reason).value_or("");
  if (mode == "observe" && reason.empty()) body.wrong("to observe needs a \"reason\"");
  if (auto error = body.error()) return *error;
  const auto row =
      call.service.set_mode(call.caller, {agent.value_or(""), rule.value_or(""),
                                          mode == "policy" ? "" : mode.value_or(""), event::mask(reason)});
  if (!row) return problem(row.error());
  return Reply{.body = dump(to_json(*row)), .allow = {}};
}

}  // namespace holdpoint::api
