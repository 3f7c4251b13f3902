// SPDX-License-Identifier: Apache-2.0
#include "cli/record_line.hpp"

#include <nlohmann/json.hpp>

#include "api/time_text.hpp"
#include "audit/line.hpp"
#include "cli/request_view.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

using nlohmann::json;

namespace {

constexpr std::size_t indent = 10;  // below the words, beside the time

std::vector<std::string> fit(const std::string& line, const Terminal& terminal) {
  if (!terminal.width) return {line};
  return hang(line, *terminal.width, *terminal.width - indent);
}

Colour colour_of(const json& record) {
  const std::string kind = field(record, "kind");
  const bool said_no = kind == "decision" && !record.value("approve", false);
  const bool blocked = kind == "release" && !record.value("allowed", false);
  if (said_no || blocked || kind == "expiry" || kind == "denial") return Colour::red;
  if (kind == "tampered" || kind == "guard" || kind == "lost" || kind == "policy_refused") return Colour::red;
  const auto action = field(record, "action");
  if (kind == "operator") return action == "arm" || action == "release" ? Colour::green : Colour::red;
  if (kind == "logged" && field(record, "cause") == "disarmed") return Colour::red;
  if (kind == "request" || kind == "mode") return Colour::yellow;
  if (kind == "decision" || kind == "grant") return Colour::green;
  if (kind == "hold" || kind == "release" || kind == "granted" || kind == "logged" || kind == "observed")
    return Colour::dim;
  return Colour::plain;
}

}  // namespace

std::string draw_record(const json& record, WallTime now, const Terminal& terminal) {
  const auto time = api::parse_rfc3339(field(record, "time"));
  const bool today = time && time_of_day(*time, now).size() == std::string_view("12:00").size();
  const std::string text = record.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto line = audit::line_of_json(text, audit::ClockStyle{.date = !today, .utc = false});
  // A daemon of another version: what it said, rather than nothing.
  std::string out;
  for (const auto& piece : fit(line ? *line : printable(text), terminal)) {
    out += (out.empty() ? "" : std::string(indent, ' ')) + terminal.paint(colour_of(record), piece) + "\n";
  }
  return out;
}

std::expected<RecordFilter, std::string> RecordFilter::from(const Arguments& arguments, WallTime now) {
  RecordFilter filter;
  filter.agent = arguments.value("agent");
  filter.session = arguments.value("session");
  if (const auto request = arguments.value("request")) filter.request = request_id(*request);
  if (const auto since = arguments.value("since")) {
    if (const auto back = api::parse_duration(*since)) {
      filter.since = now - *back;
    } else if (const auto time = api::parse_rfc3339(*since)) {
      filter.since = *time;
    } else {
      return std::unexpected("--since " + *since +
                             " is neither a duration such as 2h nor a time such as 2026-01-31T08:00:00Z");
    }
  }
  return filter;
}

bool RecordFilter::takes(const json& record) const {
  if (agent && field(record, "agent") != *agent) return false;
  if (session && field(record, "session") != *session) return false;
  if (request && field(record, "request") != *request) return false;
  if (since) {
    const auto time = api::parse_rfc3339(field(record, "time"));
    if (!time || *time < *since) return false;
  }
  return true;
}

}  // namespace holdpoint::cli
