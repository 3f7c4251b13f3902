// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/time_text.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

using nlohmann::json;

namespace {

Reply no_such_request(const std::string& id) {
  return problem(404, "not-found", "there is no request \"" + id + "\"",
                 "GET /v1/requests?state=open lists what is open");
}

struct Filter {
  std::optional<std::string> state;
  std::optional<std::uint64_t> session;
  std::optional<std::string> agent;

  [[nodiscard]] bool takes(const approval::Request& request) const {
    if (state && *state != "all") {
      const std::string is = state_text(request.state);
      if (*state == "closed" ? is == "open" : is != *state) return false;
    }
    return (!session || request.session == *session) && (!agent || request.agent == *agent);
  }
};

bool known_state(const std::string& state) {
  for (const char* name :
       {"all", "closed", "open", "approved", "denied", "expired", "cancelled", "superseded"}) {
    if (state == name) return true;
  }
  return false;
}

// Reads {decision, scope, lifetime, reason, digest}. `digest` comes back apart, it is not part of the decision.
approval::Decision read_decision(Fields& body, std::optional<std::string>& digest) {
  approval::Decision decision;
  const auto verdict = body.text("decision", longest_name);
  body.require(verdict.has_value(), "decision");
  if (verdict && *verdict != "approve" && *verdict != "deny")
    body.wrong("\"decision\" is neither approve nor deny");
  decision.approve = verdict == "approve";
  const auto scope = body.text("scope", longest_name).value_or("once");
  if (scope == "session") {
    decision.scope = approval::Scope::session;
  } else if (scope == "duration") {
    decision.scope = approval::Scope::duration;
  } else if (scope != "once") {
    body.wrong("\"scope\" is none of once, session, duration");
  }
  const auto lifetime = body.text("lifetime", longest_name);
  if (lifetime.has_value() != (decision.scope == approval::Scope::duration)) {
    body.wrong("\"lifetime\" belongs to scope duration, and scope duration needs it");
  } else if (lifetime) {
    const auto parsed = parse_duration(*lifetime);
    if (!parsed || parsed->count() == 0) body.wrong("\"lifetime\" is not a duration such as 30m or 8h");
    decision.lifetime = parsed.value_or(Duration{});
  }
  decision.reason = event::mask(body.text("reason", longest_reason).value_or(""));
  if (!decision.approve && decision.reason.text().empty()) body.wrong("a denial needs a \"reason\"");
  if (!decision.approve && decision.scope != approval::Scope::once) body.wrong("a denial has the scope once");
  digest = body.text("digest", longest_name);
  return decision;
}

}  // namespace

Outcome list_requests(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const Filter filter{query.text("state", longest_name), query.number("session", UINT64_MAX),
                      query.text("agent", longest_name)};
  const std::uint64_t limit = query.number("limit", most_requests).value_or(most_requests);
  if (filter.state && !known_state(*filter.state)) query.wrong("\"state\" is not a state of a request");
  if (auto error = query.error()) return *error;
  std::vector<const approval::Request*> found;
  for (const approval::Request* request : call.service.ledger().requests()) {
    if (filter.takes(*request)) found.push_back(request);
  }
  const std::size_t left_out = found.size() > limit ? found.size() - limit : 0;
  json list = json::array();
  for (std::size_t i = left_out; i < found.size(); ++i)
    list.push_back(to_json(*found[i], call.service.ledger()));
  // Its agents that are only observed: an empty list of requests says nothing about them.
  json observed = json::array();
  for (const ModeRow& row : call.service.modes(""))
    if (row.rule.empty() && row.mode == "observe") observed.push_back(row.agent);
  return Reply{.body = dump({{"requests", list}, {"left_out", left_out}, {"observed", observed}}),
               .allow = {}};
}

Outcome show_request(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  if (auto error = query.error()) return *error;
  const approval::Request* request = call.service.ledger().request(call.parameter);
  if (request == nullptr) return no_such_request(call.parameter);
  return Reply{.body = dump(to_json(*request, call.service.ledger())), .allow = {}};
}

Outcome decide_request(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  std::optional<std::string> digest;
  approval::Decision decision = read_decision(body, digest);
  if (auto error = body.error()) return *error;
  const approval::Request* request = call.service.ledger().request(call.parameter);
  if (request == nullptr) return no_such_request(call.parameter);
  if (digest && *digest != request->digest) {
    return problem(409, "other-digest", "this request is not what you looked at: its digest differs",
                   "read it again, then decide");
  }
  if (request->state != approval::RequestState::open) {
    return problem(409, "not-open",
                   "request " + request->id + " is no longer open: " +
                       (request->outcome.empty() ? state_text(request->state) : request->outcome),
                   "it cannot be decided any more");
  }
  if (decision.approve && !call.service.content_known(request->id)) return ReadContent{request->id};
  decision.by = call.caller.principal;
  decision.channel = "unix-api";
  decision.at = call.now.wall;
  if (auto done = call.service.decide(call.parameter, std::move(decision)); !done)
    return problem(done.error());
  const approval::Request* decided = call.service.ledger().request(call.parameter);
  if (decided == nullptr) return no_such_request(call.parameter);
  return Reply{.body = dump(to_json(*decided, call.service.ledger())), .allow = {}};
}

Outcome wait_for_request(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const auto timeout = parse_duration(query.text("timeout", longest_name).value_or("60s"));
  if (!timeout) query.wrong("\"timeout\" is not a duration such as 60s");
  if (auto error = query.error()) return *error;
  if (call.service.ledger().request(call.parameter) == nullptr) return no_such_request(call.parameter);
  return WaitForRequest{call.parameter, timeout.value_or(Duration::zero())};
}

}  // namespace holdpoint::api
