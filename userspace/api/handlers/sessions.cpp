// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

using nlohmann::json;

namespace {

// Labels are matched by rules and drawn in tables, so their alphabet is small.
bool good_label(const std::string& text) {
  return !text.empty() && text.size() <= 63 &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-") ==
             std::string::npos;
}

// Rules match labels as they are, so they are stored and shown unmasked.
bool looks_secret(const std::string& text) { return event::mask(text).text() != text; }

approval::Claims read_claims(Fields& body) {
  approval::Claims claims;
  claims.on_behalf_of = event::mask(body.text("on_behalf_of", longest_claim).value_or(""));
  claims.purpose = event::mask(body.text("purpose", longest_claim).value_or(""));
  claims.labels = body.texts("labels", most_labels, longest_name);
  for (const auto& [key, value] : claims.labels) {
    if (!good_label(key) || !good_label(value)) {
      body.wrong("\"labels\": keys and values are 1 to 63 of the characters A-Z a-z 0-9 . _ / -");
    } else if (looks_secret(std::string(key).append("=").append(value)) || looks_secret(value)) {
      body.wrong("\"labels\": the value of \"" + key + "\" looks like a secret; labels are shown and logged");
    }
  }
  return claims;
}

}  // namespace

Outcome list_sessions(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  if (auto error = query.error()) return *error;
  json list = json::array();
  const approval::Ledger& ledger = call.service.ledger();
  for (const approval::Session* session : ledger.sessions()) {
    list.push_back(to_json(*session, ledger));
    list.back()["locked_down"] = !session->ended && call.service.is_locked_down(*session);
    list.back()["mode"] = call.service.is_observed(session->agent) ? "observe" : "enforce";
  }
  return Reply{.body = dump({{"sessions", list}}), .allow = {}};
}

Outcome start_session(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto agent = body.text("agent", longest_name);
  body.require(agent && !agent->empty(), "agent");
  const auto pid = body.number("pid", INT32_MAX);
  body.require(pid.value_or(0) != 0, "pid");
  const approval::Claims claims = read_claims(body);
  if (auto error = body.error()) return *error;
  const auto session = call.service.start_session(
      call.caller, NewSession{agent.value_or(""), static_cast<int>(pid.value_or(0)), claims});
  if (!session) return problem(session.error());
  return Reply{.status = 201, .body = dump(to_json(*session, call.service.ledger())), .allow = {}};
}

}  // namespace holdpoint::api
