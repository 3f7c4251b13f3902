// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome list_grants(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  if (auto error = query.error()) return *error;
  nlohmann::json list = nlohmann::json::array();
  for (const approval::Grant* grant : call.service.ledger().grants())
    list.push_back(to_json(*grant, call.now));
  return Reply{.body = dump({{"grants", list}}), .allow = {}};
}

Outcome revoke_grant(const Call& call) {
  if (auto done = call.service.revoke(call.parameter, call.caller.principal); !done) {
    if (done.error().kind == approval::DecideError::Kind::not_found) {
      return problem(404, "not-found", done.error().message, "GET /v1/grants lists them");
    }
    return problem(done.error());
  }
  return Reply{.status = 204, .body = {}, .content_type = {}, .allow = {}};
}

}  // namespace holdpoint::api
