// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {

Outcome list_records(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const std::uint64_t after = query.number("after", UINT64_MAX).value_or(0);
  const std::uint64_t limit = query.number("limit", most_records).value_or(usual_records);
  if (auto error = query.error()) return *error;
  const auto records = call.service.records(after, limit);
  if (!records) return problem(records.error());
  nlohmann::json list = nlohmann::json::array();
  for (const StreamEvent& record : *records) list.push_back(to_json(record));
  // Where to go on; the same number again when there was nothing new.
  const std::uint64_t last = records->empty() ? after : records->back().sequence;
  return Reply{.body = dump({{"records", list}, {"last", last}}), .allow = {}};
}

Outcome stream_events(const Call& call) {
  Fields query = Fields::of_query(call.in.query);
  const auto after = query.number("after", UINT64_MAX);
  if (auto error = query.error()) return *error;
  // A reader that reconnects says where it was; that is newer than what its address says.
  return EventStream{call.in.last_event_id ? call.in.last_event_id : after};
}

}  // namespace holdpoint::api
