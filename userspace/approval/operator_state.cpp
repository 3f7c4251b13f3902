// SPDX-License-Identifier: Apache-2.0
#include "approval/operator_state.hpp"

#include <algorithm>

#include "approval/fields.hpp"

namespace holdpoint::approval {
namespace {

Json time_json(WallTime time) { return time.time_since_epoch().count(); }
Json who_json(const Principal& who) { return {{"kind", who.kind}, {"id", who.id}, {"name", who.name}}; }

Principal read_who(Fields& fields, std::string& fault) {
  static const Json nothing;
  const Json* value = fields.get("by");
  Fields inner(value == nullptr ? nothing : *value, fields.place("by"), fault);
  Principal who{inner.text("kind"), inner.text("id"), inner.text("name")};
  inner.finish();
  return who;
}

Lockdown read_lockdown(const Json& value, std::string& fault) {
  Fields fields(value, "lockdown", fault);
  Lockdown read;
  read.scope = {fields.text("agent"), fields.number("session")};
  read.reason = fields.masked("reason");
  read.by = read_who(fields, fault);
  read.since = fields.time("since");
  if (!read.scope.agent.empty() && read.scope.session != 0) fields.fail("session", "does not fit the agent");
  fields.finish();
  return read;
}

Disarming read_disarming(const Json& value, std::string& fault) {
  Fields fields(value, "disarming", fault);
  Disarming read;
  read.reason = fields.masked("reason");
  read.by = read_who(fields, fault);
  read.since = fields.time("since");
  read.until = fields.time("until");
  read.until_boot = {fields.number("until_boot")};
  fields.finish();
  return read;
}

}  // namespace

bool covers(const LockScope& scope, std::string_view agent, std::uint64_t session) {
  if (scope.session != 0) return scope.session == session;
  return scope.agent.empty() || scope.agent == agent;
}

const Lockdown* lockdown_of(const OperatorState& state, std::string_view agent, std::uint64_t session) {
  const auto found = std::ranges::find_if(
      state.lockdowns, [&](const Lockdown& lockdown) { return covers(lockdown.scope, agent, session); });
  return found == state.lockdowns.end() ? nullptr : &*found;
}

void put(OperatorState& state, Lockdown lockdown) {
  (void)remove(state, lockdown.scope);
  state.lockdowns.push_back(std::move(lockdown));
}

bool remove(OperatorState& state, const LockScope& scope) {
  return std::erase_if(state.lockdowns, [&](const Lockdown& lockdown) { return lockdown.scope == scope; }) !=
         0;
}

const Disarming* disarming_at(const OperatorState& state, BootTime now) {
  return state.disarming && now < state.disarming->until_boot ? &*state.disarming : nullptr;
}

std::string_view scope_word(const LockScope& scope) {
  if (scope.session != 0) return "session";
  return scope.agent.empty() ? "all" : "agent";
}

std::string scope_phrase(const LockScope& scope) {
  if (scope.session != 0) return "session " + std::to_string(scope.session);
  return scope.agent.empty() ? "every agent" : "agent " + scope.agent;
}

std::string encode(const OperatorState& state) {
  Json lockdowns = Json::array();
  for (const Lockdown& lockdown : state.lockdowns)
    lockdowns.push_back({{"agent", lockdown.scope.agent},
                         {"session", lockdown.scope.session},
                         {"reason", masked_json(lockdown.reason)},
                         {"by", who_json(lockdown.by)},
                         {"since", time_json(lockdown.since)}});
  Json disarming;
  if (state.disarming)
    disarming = {{"reason", masked_json(state.disarming->reason)},
                 {"by", who_json(state.disarming->by)},
                 {"since", time_json(state.disarming->since)},
                 {"until", time_json(state.disarming->until)},
                 {"until_boot", state.disarming->until_boot.nanoseconds}};
  const Json value{{"lockdowns", std::move(lockdowns)}, {"disarming", std::move(disarming)}};
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<OperatorState> decode_operator_state(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return fail("is not JSON");
  std::string fault;
  Fields fields(value, "operator", fault);
  OperatorState read;
  for (const Json& item : fields.list("lockdowns")) read.lockdowns.push_back(read_lockdown(item, fault));
  if (const Json* disarming = fields.get("disarming"); disarming != nullptr && !disarming->is_null())
    read.disarming = read_disarming(*disarming, fault);
  fields.finish();
  if (!fault.empty()) return fail(fault);
  return read;
}

}  // namespace holdpoint::approval
