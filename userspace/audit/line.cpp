// SPDX-License-Identifier: Apache-2.0
#include "audit/line.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "audit/json.hpp"
#include "event/mask.hpp"

namespace holdpoint::audit {
namespace {

using Json = nlohmann::json;

// The member as text; empty when it is missing or something else.
std::string text(const Json& json, const char* name) {
  const auto member = json.find(name);
  if (member == json.end()) return {};
  if (member->is_string()) return member->get<std::string>();
  if (member->is_number_integer()) return member->dump();
  return {};
}

bool is_true(const Json& json, const char* name) {
  const auto member = json.find(name);
  return member != json.end() && member->is_boolean() && member->get<bool>();
}

Json part(const Json& json, const char* name) {
  const auto member = json.find(name);
  return member != json.end() && member->is_object() ? *member : Json::object();
}

struct Word {
  const char* kind;
  const char* shown;
};
constexpr Word words[] = {
    {"daemon_started", "started"},
    {"daemon_stopped", "stopped"},
    {"policy_loaded", "policy"},
    {"policy_refused", "policy!"},
    {"session", "session"},
    {"session_ended", "ended"},
    {"hold", "held"},
    {"request", "asked"},
    {"expiry", "expired"},
    {"cancellation", "cancelled"},
    {"superseded", "superseded"},
    {"denial", "denied"},
    {"logged", "logged"},
    {"granted", "granted"},
    {"grant", "grant"},
    {"grant_revoked", "revoked"},
    {"tampered", "killed"},
    {"guard", "guard!"},
    {"lost", "LOST"},
    {"mode", "mode"},
};

std::string verb(const Json& json) {
  auto kind = text(json, "kind");
  if (kind == "decision") return is_true(json, "approve") ? "approved" : "refused";
  if (kind == "release") return is_true(json, "allowed") ? "released" : "blocked";
  if (kind == "operator") return text(json, "action");
  if (kind == "logged" && text(json, "cause") == "disarmed") return "disarmed";
  if (kind == "hold" && is_true(json, "refused")) return "turned away";
  if (kind == "hold" && is_true(json, "by_grant")) return "passed";
  if (kind == "observed") return text(json, "verdict") == "deny" ? "would deny" : "would ask";
  for (const auto& word : words)
    if (kind == word.kind) return word.shown;
  return kind;
}

std::string quoted(const std::string& argument) {
  if (!argument.empty() && argument.find_first_of(" '\"") == std::string::npos) return argument;
  return "'" + argument + "'";
}

// "read /path", "exec /usr/bin/git push origin".
std::string what(const Json& json) {
  const auto access = part(json, "access");
  const auto& source = access.empty() ? json : access;
  auto out = text(source, "operation");
  if (const auto object = text(source, "object"); !object.empty()) out += " " + object;
  const auto argv = access.find("argv");
  if (argv == access.end() || !argv->is_array()) return out;
  for (std::size_t i = 1; i < argv->size(); ++i)
    if ((*argv)[i].is_string()) out += " " + quoted((*argv)[i].get<std::string>());
  return out;
}

std::string who(const Json& json) {
  const auto process = part(json, "process");
  if (!process.empty()) return "by " + text(process, "comm") + "[" + text(process, "pid") + "]";
  const auto actor = part(json, "actor");
  if (actor.empty()) return {};
  const auto name = text(actor, "name");
  return "by " + (name.empty() ? text(actor, "kind") + ":" + text(actor, "id") : name);
}

std::string subject(const Json& json) {
  const auto agent = text(json, "agent");
  const auto session = text(json, "session");
  if (session.empty()) return agent.empty() ? "-" : agent;
  return (agent.empty() ? "?" : agent) + "#" + session;
}

// "2026-11-24T20:14:03.123456789Z" as ours always is; anything else is shown as it came.
std::string when(const std::string& time, ClockStyle style) {
  std::tm parts{};
  const char* end = ::strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return time;
  return clock_text(static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000'000, style);
}

// With the date for a time on another day than the record's.
ClockStyle dated(const Json& json, const std::string& time, ClockStyle style) {
  constexpr std::size_t day = 10;  // "2026-11-24"
  style.date = style.date || time.substr(0, day) != text(json, "time").substr(0, day);
  return style;
}

// What only some kinds have, each with the word that introduces it.
std::string details(const Json& json, ClockStyle style) {
  constexpr std::pair<const char*, const char*> members[] = {
      {"request", ""},   {"grant", ""},         {"rule", "rule "},   {"scope", ""},
      {"from", "from "}, {"to", "to "},         {"cause", "cause "}, {"reason", "— "},
      {"how", "— "},     {"why", "— "},         {"outcome", "— "},   {"detail", "— "},
      {"error", "— "},   {"count", "count "},   {"times", "times "}, {"bytes", "bytes "},
      {"version", ""},   {"kernel", "kernel "}, {"cgroup", "in "},   {"verdict", "the policy says "},
  };
  const bool told = text(json, "kind") == "observed";  // its verb says the verdict
  std::string out;
  for (const auto& [name, before] : members) {
    const auto value = told && name == std::string_view("verdict") ? std::string() : text(json, name);
    if (!value.empty()) out += std::string("  ") + before + value;
  }
  for (const auto* name : {"deadline", "not_after", "until"})
    if (const auto time = text(json, name); !time.empty())
      out += "  until " + when(time, dated(json, time, style));
  // The JSON view has it for every record; here it would only push the words that matter apart.
  const auto generation = text(json, "policy_generation");
  if (text(json, "kind").starts_with("policy") && !generation.empty()) out += "  policy " + generation;
  return out;
}

std::string draw(const Json& json, ClockStyle style) {
  auto out = fmt::format("{}  {:<10}  {:<10}", when(text(json, "time"), style), verb(json), subject(json));
  for (const auto& piece : {what(json), who(json)})
    if (!piece.empty()) out += "  " + piece;
  out += details(json, style);
  if (const auto hidden = text(json, "hidden_bytes"); !hidden.empty())
    out += "  (" + hidden + " secret bytes hidden)";
  // Idempotent for what was masked; for a server that is not ours it is what keeps the terminal safe.
  return event::restore_masked(std::move(out), 0).text();
}

}  // namespace

Result<std::string> line_of_json(std::string_view json, ClockStyle style) {
  const auto parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("kind") || !parsed.contains("sequence"))
    return fail("not a record in JSON");
  return draw(parsed, style);
}

std::string line(const v1::Record& record, ClockStyle style) {
  return draw(Json::parse(to_json(record)), style);
}

}  // namespace holdpoint::audit
