// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {
namespace {

// Whom it is about is always said: a member that was forgotten must not stop everybody, nor let everybody go.
approval::LockScope read_lock_scope(Fields& fields) {
  const auto word = fields.text("scope", longest_name);
  const auto agent = fields.text("agent", longest_name);
  const auto session = fields.number("session", INT64_MAX);
  fields.require(word.has_value(), "scope");
  const bool fits = word == "all"       ? !agent && !session
                    : word == "agent"   ? agent && !agent->empty() && !session
                    : word == "session" ? !agent && session.value_or(0) != 0
                                        : false;
  if (!fits)
    fields.wrong(R"("scope" is "all", "agent" with "agent", or "session" with "session", and nothing else)");
  return {agent.value_or(""), session.value_or(0)};
}

}  // namespace

Outcome lock_down(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto scope = read_lock_scope(body);
  const auto reason = body.text("reason", longest_reason);
  if (auto error = body.error()) return *error;
  const auto made = call.service.lock_down(call.caller, scope, event::mask(reason.value_or("")));
  if (!made) return problem(made.error());
  return Reply{.body = dump(to_json(*made)), .allow = {}};
}

Outcome release_lockdown(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const auto scope = read_lock_scope(query);
  if (auto error = query.error()) return *error;
  if (auto done = call.service.release(call.caller, scope); !done) return problem(done.error());
  return Reply{.status = 204, .body = {}, .content_type = {}, .allow = {}};
}

}  // namespace holdpoint::api
