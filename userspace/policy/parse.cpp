// SPDX-License-Identifier: Apache-2.0
#include "policy/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "policy/parse_fields.hpp"

namespace holdpoint::policy {
namespace {

constexpr std::string_view kFileKeys[] = {"version", "agents", "environment", "rules"};
constexpr std::string_view kAgentKeys[] = {"description", "cgroups",  "default",        "default_reason",
                                           "mode",        "operator", "user_namespaces"};
constexpr Choice kAllowDeny[] = {{"allow", HP_ALLOW}, {"deny", HP_DENY}};

void read_agent(const Entry& entry, Policy& policy, Diagnostics& out) {
  Agent agent;
  agent.place = entry.key.place;
  if (auto name = read_name(entry.key, "agents", HP_AGENT_NAME - 1, out)) agent.name = std::move(name->text);
  const Fields fields(entry.value, "agent", kAgentKeys, out);
  if (!fields.valid()) return;
  if (const Node* text = fields.find("description")) {
    agent.description = read_text(*text, "description", out).value_or("");
  }
  if (const Node* text = fields.find("operator")) {
    agent.operated_by = read_text(*text, "operator", out).value_or("");
  }
  if (const Node* cgroups = fields.find("cgroups")) {
    agent.cgroups = read_patterns(*cgroups, "cgroups", GlobUse::cgroup, out);
  }
  if (const Node* verdict = fields.require("default")) {
    agent.default_verdict =
        static_cast<hp_verdict>(read_choice(*verdict, "default", kVerdicts, out).value_or(HP_DENY));
  }
  if (const Node* reason = fields.find("default_reason")) {
    agent.default_reason = read_text(*reason, "default_reason", out).value_or("");
  }
  if (const Node* verdict = fields.find("user_namespaces")) {
    agent.user_namespaces = read_choice(*verdict, "user_namespaces", kAllowDeny, out) == HP_ALLOW;
  }
  if (const Node* mode = fields.find("mode")) agent.mode = read_mode(*mode, out).value_or(Mode::enforce);
  policy.agents.push_back(std::move(agent));
}

void read_agents(const Node& node, Policy& policy, Diagnostics& out) {
  if (node.kind != Node::Kind::mapping) {
    if (node.kind != Node::Kind::refused) {
      out.error(node.place, "agents: expected a mapping of names to agents", "coder: {default: ask}");
    }
    return;
  }
  for (const Entry& entry : node.entries) {
    if (out.full()) return;
    read_agent(entry, policy, out);
  }
}

void read_rules(const Node& node, Policy& policy, Diagnostics& out) {
  if (node.kind != Node::Kind::sequence) {
    if (node.kind != Node::Kind::refused) {
      out.error(node.place, "rules: expected a list of rules",
                "- {id: name, on: read, path: /x, verdict: allow}");
    }
    return;
  }
  for (const Node& item : node.items) {
    if (out.full()) return;
    policy.rules.push_back(read_rule(item, out));
  }
}

bool is_variable_name(std::string_view name) {
  const auto letter = [](char byte) {
    return byte == '_' || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
  };
  return !name.empty() && name.size() < HP_VARIABLE_NAME && letter(name[0]) &&
         std::ranges::all_of(name, [&](char byte) { return letter(byte) || (byte >= '0' && byte <= '9'); });
}

void read_variables(const Node& node, Policy& policy, Diagnostics& out) {
  for (const Node* item : read_list(node, "environment", out)) {
    const auto name = read_text(*item, "environment", out);
    if (!name) continue;
    if (!is_variable_name(*name)) {
      out.error(
          item->place,
          fmt::format("environment: '{}' is no name of a variable of at most {} letters, digits and '_'",
                      *name, HP_VARIABLE_NAME - 1),
          "environment: [LD_PRELOAD, PATH]");
      continue;
    }
    policy.variables.push_back({*name, item->place});
  }
}

void read_file(const Node& root, Policy& policy, Diagnostics& out) {
  const Fields fields(root, "policy file", kFileKeys, out);
  if (!fields.valid()) return;
  if (const Node* version = fields.require("version")) {
    if (version->kind != Node::Kind::refused && (version->value != "1" || version->quoted)) {
      out.error(version->place, "version: this program reads version 1 only", "write 'version: 1'");
    }
  }
  if (const Node* agents = fields.find("agents")) read_agents(*agents, policy, out);
  if (const Node* names = fields.find("environment")) read_variables(*names, policy, out);
  if (const Node* rules = fields.find("rules")) read_rules(*rules, policy, out);
}

}  // namespace

Policy parse(const std::vector<SourceText>& sources, Diagnostics& out) {
  Policy policy;
  for (std::uint32_t file = 0; file < sources.size(); ++file) {
    policy.files.push_back(sources[file].name);
    if (out.full()) continue;
    if (const auto root = read_yaml(sources[file], file, out)) read_file(*root, policy, out);
  }
  return policy;
}

}  // namespace holdpoint::policy
