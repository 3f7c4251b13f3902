// SPDX-License-Identifier: Apache-2.0
#include "cli/record_line.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/time_text.hpp"
#include "cli/request_view.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

using nlohmann::json;

namespace {

// A name that may stand bare or inside an object ({"id": …}, {"name": …}).
std::string name_of(const json& record, const char* key, const char* inner) {
  const json& value = child(record, key);
  return value.is_object() && !value.empty() ? field(value, inner) : field(record, key);
}

std::string actor_of(const json& record) {
  const json& actor = child(record, "actor");
  if (actor.is_object() && !actor.empty()) return field(actor, "name").empty() ? person(actor) : field(actor, "name");
  return field(record, "actor");
}

Colour colour_of(const json& record) {
  const std::string kind = field(record, "kind");
  const std::string verdict = field(record, "verdict");
  if (kind == "request") return Colour::yellow;
  if (verdict == "deny" || verdict == "denied" || kind == "expiry" || kind == "denial" || kind == "tampered") {
    return Colour::red;
  }
  if (verdict == "allow" || verdict == "approve" || verdict == "approved" || kind == "grant") return Colour::green;
  if (kind == "hold" || kind == "release" || kind == "session_ended") return Colour::dim;
  return Colour::plain;
}

// Which request, hold or session it is about, in a column of its own.
std::string about(const json& record) {
  if (auto request = field(record, "request"); !request.empty()) return request;
  if (auto hold = field(record, "hold"); !hold.empty() && hold != "0") return "hold " + hold;
  return {};
}

void append(std::string& out, const std::string& text, std::string_view before = "", std::string_view after = "") {
  if (text.empty()) return;
  if (!out.empty()) out += "  ";
  out += fmt::format("{}{}{}", before, printable(text), after);
}

std::string body_of(const json& record) {
  std::string out;
  append(out, field(record, "verdict"));
  std::string what = field(record, "operation");
  if (const auto object = field(record, "object"); !object.empty()) what += (what.empty() ? "" : " ") + object;
  append(out, what);
  append(out, actor_of(record), "by ");
  append(out, name_of(record, "rule", "id"), "rule ");
  append(out, field(record, "cause"), "cause ");
  append(out, field(record, "reason"), "“", "”");
  append(out, field(record, "detail"));
  return out;
}

}  // namespace

std::string draw_record(const json& record, WallTime now, const Terminal& terminal) {
  const auto time = api::parse_rfc3339(field(record, "time"));
  std::string who = name_of(record, "agent", "name");
  const std::string session = field(record, "session");
  if (!session.empty() && session != "0") who += (who.empty() ? "session " : "/") + session;
  std::string out = terminal.paint(Colour::dim, time ? time_of_day(*time, now, true) : std::string("--:--:--"));
  const std::string kind = printable(field(record, "kind"));
  out += "  " + terminal.paint(colour_of(record), fmt::format("{:<12}", kind));
  out += fmt::format("  {:<7}  {:<12}  {}", printable(about(record)), printable(who), body_of(record));
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
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
      return std::unexpected("--since " + *since + " is neither a duration such as 2h nor a time such as 2026-01-31T08:00:00Z");
    }
  }
  return filter;
}

bool RecordFilter::takes(const json& record) const {
  if (agent && name_of(record, "agent", "name") != *agent) return false;
  if (session && field(record, "session") != *session) return false;
  if (request && field(record, "request") != *request) return false;
  if (since) {
    const auto time = api::parse_rfc3339(field(record, "time"));
    if (!time || *time < *since) return false;
  }
  return true;
}

}  // namespace holdpoint::cli
