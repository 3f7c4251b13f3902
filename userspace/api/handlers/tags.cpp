// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome add_tag(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto agent = body.text("agent", longest_name);
  body.require(agent && !agent->empty(), "agent");
  const auto cgroup = body.text("cgroup", longest_path);
  const auto pid = body.number("pid", INT32_MAX);
  const auto unit = body.text("unit", longest_name);
  const int targets = cgroup.has_value() + pid.has_value() + unit.has_value();
  if (targets != 1) body.wrong("exactly one of \"cgroup\", \"pid\" and \"unit\" says what to tag");
  if (cgroup && !cgroup->starts_with('/'))
    body.wrong("\"cgroup\" is a path below the cgroup root, such as /agents.slice");
  if (pid && *pid == 0) body.wrong("\"pid\" is not a process");
  if (unit && unit->empty()) body.wrong("\"unit\" is empty");
  if (auto error = body.error()) return *error;
  const TagTarget target{agent.value_or(""), cgroup.value_or(""), static_cast<int>(pid.value_or(0)),
                         unit.value_or("")};
  const auto session = call.service.tag(call.caller, target);
  if (!session) return problem(session.error());
  return Reply{.status = 201, .body = dump(to_json(*session, call.service.ledger())), .allow = {}};
}

Outcome remove_tag(const Call& call) {
  std::uint64_t session = 0;
  const std::string& text = call.parameter;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), session);
  const bool number = code == std::errc{} && end == text.data() + text.size();
  if (!number || call.service.ledger().session(session) == nullptr) {
    return problem(404, "not-found", "there is no session \"" + text + "\"", "GET /v1/sessions lists them");
  }
  if (auto done = call.service.untag(call.caller, session); !done) return problem(done.error());
  return Reply{.status = 204, .body = {}, .content_type = {}, .allow = {}};
}

}  // namespace holdpoint::api
