// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/time_text.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome disarm(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto text = body.text("for", longest_name);
  body.require(text.has_value(), "for");
  const auto lifetime = parse_duration(text.value_or(""));
  if (!lifetime || *lifetime <= Duration::zero() || *lifetime > approval::kLongestDisarming)
    body.wrong("\"for\" is not a duration from 1ms to 24h, such as 15m");
  const auto reason = body.text("reason", longest_reason);
  body.require(reason && reason->find_first_not_of(" \t\r\n") != std::string::npos, "reason");
  if (auto error = body.error()) return *error;
  const auto made =
      call.service.disarm(call.caller, lifetime.value_or(Duration::zero()), event::mask(reason.value_or("")));
  if (!made) return problem(made.error());
  return Reply{.body = dump(to_json(*made)), .allow = {}};
}

Outcome arm(const Call& call) {
  if (auto done = call.service.arm(call.caller); !done) return problem(done.error());
  return Reply{.status = 204, .body = {}, .content_type = {}, .allow = {}};
}

}  // namespace holdpoint::api
