// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "policy/parse.hpp"
#include "policy/parse_fields.hpp"
#include "policy/parse_network.hpp"

namespace holdpoint::policy {
namespace {

constexpr std::string_view kRuleKeys[] = {"id",         "agents", "on",      "path",   "executable",
                                          "to",         "socket", "verdict", "reason", "timeout",
                                          "on_timeout", "hold",   "log",     "mode"};
constexpr std::string_view kAskKeys[] = {"timeout", "on_timeout", "hold"};
constexpr std::size_t kMaxRuleId = 63;

constexpr int kFiles = operation_bit(HP_OP_READ) | operation_bit(HP_OP_WRITE) | operation_bit(HP_OP_CREATE);
constexpr int kChanges = operation_bit(HP_OP_WRITE) | operation_bit(HP_OP_CREATE) |
                         operation_bit(HP_OP_DELETE) | operation_bit(HP_OP_LINK) |
                         operation_bit(HP_OP_ATTRIBUTES);
constexpr Choice kOperations[] = {
    {"exec", operation_bit(HP_OP_EXEC)},
    {"read", operation_bit(HP_OP_READ)},
    {"write", operation_bit(HP_OP_WRITE)},
    {"create", operation_bit(HP_OP_CREATE)},
    {"delete", operation_bit(HP_OP_DELETE)},
    {"link", operation_bit(HP_OP_LINK)},
    {"attributes", operation_bit(HP_OP_ATTRIBUTES)},
    {"connect", operation_bit(HP_OP_CONNECT)},
    {"send", operation_bit(HP_OP_SEND)},
    {"open", kFiles},
    {"change", kChanges},
    {"network", kNetworkOperations},
    {"any", kFileOperations | kNetworkOperations},
};
constexpr Choice kHolds[] = {
    {"auto", HP_HOLD_AUTO}, {"suspend", HP_HOLD_SUSPEND}, {"refuse", HP_HOLD_REFUSE}};

struct Operations {
  std::uint32_t mask = 0;
  bool any = false;  // through "any": what the rule's objects do not fit is meant to be left out
};

Operations read_operations(const Node& node, Diagnostics& out) {
  Operations operations;
  for (const Node* item : read_list(node, "on", out)) {
    if (out.full()) break;
    const auto bits = read_choice(*item, "on", kOperations, out);
    if (bits) operations.mask |= static_cast<std::uint32_t>(*bits);
    operations.any = operations.any || item->value == "any";
  }
  return operations;
}

void read_conditions(const Fields& fields, Rule& rule, Diagnostics& out) {
  if (const Node* agents = fields.find("agents")) {
    for (const Node* item : read_list(*agents, "agents", out)) {
      if (out.full()) break;
      if (auto name = read_name(*item, "agents", HP_AGENT_NAME - 1, out))
        rule.agents.push_back(std::move(*name));
    }
  }
  if (const Node* path = fields.find("path")) rule.paths = read_patterns(*path, "path", GlobUse::path, out);
  if (const Node* executable = fields.find("executable")) {
    rule.executables = read_patterns(*executable, "executable", GlobUse::path, out);
  }
  if (const Node* socket = fields.find("socket"))
    rule.sockets = read_patterns(*socket, "socket", GlobUse::socket, out);
  if (const Node* to = fields.find("to")) rule.destinations = read_destinations(*to, out);
}

// A condition that no operation of the rule can meet is a mistake; an operation that no condition fits is
// told.
void check_objects(const Fields& fields, const Rule& rule, Operations on, Diagnostics& out) {
  const auto needs = [&](std::string_view key, std::uint32_t operations, std::string_view words) {
    const Node* place = fields.key(key);
    if (place == nullptr || on.mask == 0 || (on.mask & operations) != 0) return;
    out.error(place->place, fmt::format("'{}' never applies: 'on' names none of {}", key, words),
              fmt::format("add one of {} to 'on', or remove '{}'", words, key));
  };
  needs("path", kFileOperations, "exec, read, write, create, delete, link, attributes");
  needs("to", kNetworkOperations, "connect, send");
  needs("socket", kNetworkOperations, "connect, send");
  if (on.any || out.has_errors() || rule.any_object()) return;
  const bool network = !rule.sockets.empty() || !rule.destinations.empty();
  if ((on.mask & kNetworkOperations) != 0 && !network) {
    out.warning(rule.place,
                fmt::format("rule '{}' has no 'to' or 'socket' and never matches connect or send", rule.id));
  }
  if ((on.mask & kFileOperations) != 0 && rule.paths.empty()) {
    out.warning(rule.place, fmt::format("rule '{}' has no 'path' and never matches a file", rule.id));
  }
}

void read_ask(const Fields& fields, Rule& rule, Diagnostics& out) {
  for (const std::string_view key : kAskKeys) {
    const Node* place = fields.key(key);
    if (rule.verdict != HP_ASK && place != nullptr) {
      out.error(place->place, fmt::format("'{}' is only for verdict ask", key));
    }
  }
  if (const Node* timeout = fields.find("timeout")) {
    rule.timeout = read_duration(*timeout, "timeout", out).value_or(kDefaultTimeout);
  }
  if (const Node* then = fields.find("on_timeout")) {
    if (then->kind == Node::Kind::scalar && then->value == "allow") {
      out.error(then->place, "on_timeout: nothing is approved by silence", "deny is the only value");
    } else {
      constexpr Choice deny[] = {{"deny", HP_DENY}};
      (void)read_choice(*then, "on_timeout", deny, out);
    }
  }
  if (const Node* hold = fields.find("hold")) {
    rule.hold = static_cast<hp_hold_mode>(read_choice(*hold, "hold", kHolds, out).value_or(HP_HOLD_AUTO));
  }
}

void read_verdict(const Fields& fields, Rule& rule, Diagnostics& out) {
  const Node* verdict = fields.require("verdict");
  const auto value = verdict == nullptr ? std::nullopt : read_choice(*verdict, "verdict", kVerdicts, out);
  if (const Node* reason = fields.find("reason"))
    rule.reason = read_text(*reason, "reason", out).value_or("");
  if (!value) return;
  rule.verdict = static_cast<hp_verdict>(*value);
  if (rule.verdict != HP_ALLOW && fields.find("reason") == nullptr) {
    out.error(rule.place, fmt::format("rule '{}' without 'reason'", rule.id),
              "who is asked or refused must be able to read why");
  }
  read_ask(fields, rule, out);
}

}  // namespace

Rule read_rule(const Node& node, Diagnostics& out) {
  Rule rule;
  rule.place = node.place;
  const Fields fields(node, "rule", kRuleKeys, out);
  if (!fields.valid()) return rule;
  if (const Node* id = fields.require("id")) {
    if (auto name = read_name(*id, "id", kMaxRuleId, out)) {
      rule.id = std::move(name->text);
      rule.place = name->place;
    }
  }
  Operations operations;
  if (const Node* on = fields.require("on")) operations = read_operations(*on, out);
  rule.operations = operations.mask;
  read_conditions(fields, rule, out);
  read_verdict(fields, rule, out);
  if (const Node* log = fields.find("log")) rule.log = read_bool(*log, "log", out).value_or(false);
  if (const Node* mode = fields.find("mode")) rule.mode = read_mode(*mode, out);
  check_objects(fields, rule, operations, out);
  return rule;
}

}  // namespace holdpoint::policy
