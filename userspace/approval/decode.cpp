// SPDX-License-Identifier: Apache-2.0
#include "approval/codec.hpp"
#include "approval/fields.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

constexpr std::uint64_t most_int = std::numeric_limits<int>::max();
constexpr std::uint64_t most_u32 = std::numeric_limits<std::uint32_t>::max();

const Json& object_at(Fields& fields, const char* key) {
  static const Json none;
  const Json* value = fields.get(key);
  return value == nullptr ? none : *value;
}

// A word out of a fixed set, by its parser.
template <typename Value>
Value word(Fields& fields, const char* key, std::optional<Value> (*parse)(std::string_view)) {
  const std::string text = fields.text(key);
  if (const auto value = parse(text)) return *value;
  fields.fail(key, "an unknown word");
  return Value{};
}

Principal principal(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  Principal who{fields.text("kind"), fields.text("id"), fields.text("name")};
  fields.finish();
  return who;
}

Hold hold(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  Hold read;
  read.id = fields.number("id");
  read.kernel_digest = fields.pair("kernel_digest");
  read.tid = static_cast<int>(fields.number("tid", most_int));
  read.tgid = static_cast<int>(fields.number("tgid", most_int));
  read.start_time = fields.number("start_time");
  read.since = fields.time("since");
  read.state = word(fields, "state", parse_hold_state);
  if (const Json* answered = fields.get("answered"); answered != nullptr && !answered->is_null())
    read.answered = fields.flag("answered");
  read.ended_how = fields.text("ended_how");
  const bool waits = read.state == HoldState::held || read.state == HoldState::refused;
  if (read.state == HoldState::released && !read.answered)
    fields.fail("answered", "released without an answer");
  if (waits && read.answered) fields.fail("answered", "answered, and yet it waits");
  fields.finish();
  return read;
}

Decision decision(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  Decision read;
  read.approve = fields.flag("approve");
  read.scope = word(fields, "scope", parse_scope);
  read.lifetime = Duration(fields.signed_number("lifetime"));
  read.reason = fields.masked("reason");
  read.by = principal(object_at(fields, "by"), name + ".by", fault);
  read.channel = fields.text("channel");
  read.digest = fields.text("digest");
  read.at = fields.time("at");
  fields.finish();
  return read;
}

RuleView rule(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  RuleView read;
  read.id = fields.text("id");
  read.reason = fields.text("reason");
  read.generation = static_cast<std::uint32_t>(fields.number("generation", most_u32));
  read.timeout = Duration(fields.signed_number("timeout"));
  fields.finish();
  return read;
}

event::MaskedBoundFile bound_file(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  event::MaskedBoundFile read;
  read.path = fields.masked("path");
  read.sha256 = fields.text("sha256");
  read.size = fields.number("size");
  read.first_lines = fields.masked("first_lines");
  fields.finish();
  return read;
}

event::MaskedAccess access(const Json& value, const std::string& name, std::string& fault) {
  Fields fields(value, name, fault);
  event::MaskedAccess read;
  read.operation = fields.text("operation");
  read.object = fields.masked("object");
  for (const Json& variable : fields.list("environment"))
    read.environment.push_back(masked_from(variable, name + ".environment", fault));
  for (const Json& argument : fields.list("argv"))
    read.argv.push_back(masked_from(argument, name + ".argv", fault));
  read.executable = fields.masked("executable");
  read.directory = fields.masked("directory");
  for (const Json& item : fields.list("ancestors")) {
    Fields ancestor(item, name + ".ancestors", fault);
    const int pid = static_cast<int>(ancestor.number("pid", most_int));
    read.ancestors.emplace_back(pid, ancestor.masked("command"));
    ancestor.finish();
  }
  for (const Json& item : fields.list("bound"))
    read.bound.push_back(bound_file(item, name + ".bound", fault));
  for (const Json& item : fields.list("warnings")) {
    if (item.is_string()) read.warnings.push_back(item.get<std::string>());
    else fields.fail("warnings", "a text was expected");
  }
  fields.finish();
  return read;
}

std::map<std::string, std::string> labels(Fields& fields) {
  std::map<std::string, std::string> read;
  const Json& value = object_at(fields, "labels");
  if (!value.is_object()) fields.fail("labels", "an object was expected");
  if (value.is_object())
    for (const auto& [key, text] : value.items()) {
      if (text.is_string()) read.emplace(key, text.get<std::string>());
      else fields.fail("labels", "a text was expected");
    }
  return read;
}

Request request(const Json& value, std::string& fault) {
  Fields fields(value, "request", fault);
  Request read;
  read.id = fields.text("id");
  read.digest = fields.text("digest");
  read.state = word(fields, "state", parse_request_state);
  read.session = fields.number("session");
  read.agent = fields.text("agent");
  read.rule = rule(object_at(fields, "rule"), "request.rule", fault);
  read.access = access(object_at(fields, "access"), "request.access", fault);
  read.comm = fields.masked("comm");
  read.tgid = static_cast<int>(fields.number("tgid", most_int));
  read.uid = static_cast<std::uint32_t>(fields.number("uid", most_u32));
  read.bindable = fields.flag("bindable");
  read.created = fields.time("created");
  read.deadline = fields.time("deadline");
  for (const Json& item : fields.list("holds")) read.holds.push_back(hold(item, "request.holds", fault));
  if (const Json& decided = object_at(fields, "decision"); !decided.is_null())
    read.decision = decision(decided, "request.decision", fault);
  read.outcome = fields.text("outcome");
  const bool by_person = read.state == RequestState::approved || read.state == RequestState::denied;
  if (by_person != read.decision.has_value() ||
      (by_person && read.decision->approve != (read.state == RequestState::approved)))
    fields.fail("decision", "does not fit the state");
  fields.finish();
  return read;
}

Grant grant(const Json& value, std::string& fault) {
  Fields fields(value, "grant", fault);
  Grant read;
  read.id = fields.text("id");
  read.request = fields.text("request");
  read.digest = fields.text("digest");
  read.kernel_digest = fields.pair("kernel_digest");
  read.session = fields.number("session");
  read.agent = fields.text("agent");
  read.scope = word(fields, "scope", parse_scope);
  if (const Json& uses = object_at(fields, "uses"); !uses.is_null()) read.uses = fields.number("uses");
  read.created = fields.time("created");
  read.not_after = fields.time("not_after");
  read.by = principal(object_at(fields, "by"), "grant.by", fault);
  read.revoked = fields.optional_time("revoked");
  read.object = fields.masked("object");
  read.operation = fields.text("operation");
  fields.finish();
  return read;
}

Session session(const Json& value, std::string& fault) {
  Fields fields(value, "session", fault);
  Session read;
  read.id = fields.number("id");
  read.agent = fields.text("agent");
  read.cgroup_path = fields.text("cgroup_path");
  read.recognised_by = fields.text("recognised_by");
  if (value.contains("tagged_by")) read.tagged_by = fields.text("tagged_by");  // since version 4
  read.owner = principal(object_at(fields, "owner"), "session.owner", fault);
  read.claims.on_behalf_of = fields.masked("on_behalf_of");
  read.claims.purpose = fields.masked("purpose");
  read.claims.labels = labels(fields);
  read.started = fields.time("started");
  read.ended = fields.optional_time("ended");
  fields.finish();
  return read;
}

template <typename Value>
Result<Value> decode(const std::string& text, Value (*read)(const Json&, std::string&)) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail("is not JSON");
  std::string fault;
  Value result = read(value, fault);
  if (!fault.empty()) return fail(fault);
  return result;
}

}  // namespace

Result<Request> decode_request(const std::string& text) { return decode<Request>(text, request); }
Result<Grant> decode_grant(const std::string& text) { return decode<Grant>(text, grant); }
Result<Session> decode_session(const std::string& text) { return decode<Session>(text, session); }

}  // namespace holdpoint::approval
