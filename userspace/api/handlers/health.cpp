// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome show_health(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  if (auto error = query.error()) return *error;
  return Reply{.body = dump(to_json(call.service.health(), call.counters, call.now)), .allow = {}};
}

}  // namespace holdpoint::api
