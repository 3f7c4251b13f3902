// SPDX-License-Identifier: Apache-2.0
#include "daemon/modes.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/log.hpp"
#include "daemon/core.hpp"
#include "daemon/publish.hpp"

namespace holdpoint::daemon {
namespace {

std::unexpected<Error> refuse(std::string message, std::string hint, int code) {
  return std::unexpected(Error{std::move(message), std::move(hint), code});
}

const policy::Rule* find_rule(const policy::AgentPolicy& agent, const std::string& id) {
  const auto found = std::ranges::find(agent.rules, id, &policy::Rule::id);
  return found == agent.rules.end() ? nullptr : &*found;
}

// What the files say, with no regard to operators.
policy::Mode written_mode(const Policies& policies, std::uint32_t agent, const std::string& rule) {
  const auto& declared = policies.checked.agents[agent];
  for (const auto& one : policies.checked.rules)
    if (!rule.empty() && one.id == rule && one.mode) return *one.mode;
  return declared.mode;
}

policy::Mode mode_in_force(const Policies& policies, const Modes& modes, std::uint32_t agent,
                           const std::string& rule) {
  const auto* found = rule.empty() ? nullptr : find_rule(policies.agents[agent], rule);
  if (found != nullptr) return found->mode.value_or(policy::Mode::enforce);
  return policy::agent_mode(policies.checked.agents[agent], modes.overrides());
}

api::ModeRow row_of(const Policies& policies, const Modes& modes, std::uint32_t agent,
                    const std::string& rule) {
  const auto& name = policies.checked.agents[agent].name;
  api::ModeRow row{name,
                   rule,
                   std::string(policy::mode_word(mode_in_force(policies, modes, agent, rule))),
                   std::string(policy::mode_word(written_mode(policies, agent, rule))),
                   {},
                   {},
                   {},
                   true};
  if (const auto* said = modes.find(name, rule)) {
    row.since = said->since;
    row.by = said->by;
    row.reason = said->reason;
  }
  return row;
}

Result<std::uint32_t> agent_meant(const Core& core, const api::ModeChange& change) {
  const auto id = policy::find_agent(core.policies.checked, change.agent);
  if (!id)
    return refuse("no agent \"" + change.agent + "\" in the policy", "holdpoint mode lists them", ENOENT);
  if (change.rule.empty()) return *id;
  const auto* rule = find_rule(core.policies.agents[*id], change.rule);
  if (rule == nullptr && !(change.mode.empty() && core.modes.find(change.agent, change.rule) != nullptr))
    return refuse("agent \"" + change.agent + "\" has no rule \"" + change.rule + "\"",
                  "holdpoint mode " + change.agent + " lists its rules", ENOENT);
  if (rule != nullptr && policy::is_guard(*rule))
    return refuse("rule \"" + change.rule + "\" protects Holdpoint itself and is always enforced", "",
                  EINVAL);
  return *id;
}

}  // namespace

Modes::Modes(std::vector<approval::ModeOverride> said) {
  for (auto& one : said) put(std::move(one));
}

void Modes::put(approval::ModeOverride said) {
  const std::pair key{said.agent, said.rule};
  if (said.mode.empty()) said_.erase(key);
  else said_.insert_or_assign(key, std::move(said));
}

const approval::ModeOverride* Modes::find(const std::string& agent, const std::string& rule) const {
  const auto found = said_.find({agent, rule});
  return found == said_.end() ? nullptr : &found->second;
}

policy::ModeOverrides Modes::overrides() const {
  policy::ModeOverrides out;
  // A word that we do not know is of a newer program, and what it means can only be stricter than nothing: enforced.
  for (const auto& [key, said] : said_) out[key] = policy::mode_of(said.mode).value_or(policy::Mode::enforce);
  return out;
}

std::vector<approval::ModeOverride> Modes::without_effect(const Policies& policies) const {
  std::vector<approval::ModeOverride> out;
  for (const auto& [key, said] : said_) {
    const auto id = policy::find_agent(policies.checked, said.agent);
    if (!id || (!said.rule.empty() && find_rule(policies.agents[*id], said.rule) == nullptr))
      out.push_back(said);
  }
  return out;
}

std::vector<api::ModeRow> Modes::rows(const Policies& policies, const std::string& agent) const {
  std::set<std::string> written;  // rules whose file says their mode
  for (const auto& rule : policies.checked.rules)
    if (rule.mode) written.insert(rule.id);
  std::vector<api::ModeRow> out;
  for (std::uint32_t id = 0; id < policies.agents.size(); ++id) {
    const auto& name = policies.agents[id].name;
    if (!agent.empty() && agent != name) continue;
    out.push_back(row_of(policies, *this, id, ""));
    std::set<std::string> seen;  // a rule with paths and addresses is there once for each
    for (const auto& rule : policies.agents[id].rules) {
      if (policy::is_guard(rule) || !seen.insert(rule.id).second) continue;
      if (written.contains(rule.id) || find(name, rule.id) != nullptr || !agent.empty())
        out.push_back(row_of(policies, *this, id, rule.id));
    }
  }
  for (const auto& said : without_effect(policies))
    if (agent.empty() || agent == said.agent)
      out.push_back({said.agent, said.rule, said.mode, "", said.since, said.by, said.reason, false});
  return out;
}

Result<> may_change_mode(const api::Caller& caller, const std::string& mode) {
  if (caller.uid == 0 || policy::mode_of(mode) == policy::Mode::enforce) return {};
  return refuse("only root may say that less is enforced", "run the command with sudo", EPERM);
}

Result<api::ModeRow> set_mode(Core& core, const api::Caller& caller, const api::ModeChange& change) {
  if (auto allowed = may_change_mode(caller, change.mode); !allowed) return std::unexpected(allowed.error());
  const auto id = agent_meant(core, change);
  if (!id) return std::unexpected(id.error());
  const auto now = core.clock.now();
  const approval::ModeOverride said{change.agent, change.rule,      change.mode,
                                    now.wall,     caller.principal, change.reason};
  Modes modes = core.modes;
  modes.put(said);
  auto agent = policy::agent_policy(core.policies.checked, *id, modes.overrides());
  auto image = std::make_unique<hp_policy>(*core.policies.images[*id]);
  const auto generation = next_generation(core.policies.generation, now);
  policy::apply_modes(*image, agent, generation);

  const auto before = mode_in_force(core.policies, core.modes, *id, change.rule);
  std::swap(core.policies.agents[*id], agent);  // for the look below; back again if it cannot be stored
  const auto after = mode_in_force(core.policies, modes, *id, change.rule);
  auto record = core.recorder.keep(
      audit::mode_changed({change.agent, change.rule, std::string(policy::mode_word(before)),
                           std::string(policy::mode_word(after)), change.mode.empty(), change.reason},
                          caller.principal));
  const auto first = core.store.save(said, record);
  if (!first) {
    std::swap(core.policies.agents[*id], agent);
    ++core.store_failures;
    return refuse(first.error().message, first.error().hint, EIO);
  }
  core.recorder.write_kept(core.store, *first, {std::move(record)});
  core.modes = std::move(modes);
  core.policies.images[*id] = std::move(image);
  core.policies.generation = generation;
  if (auto done = core.programs->publish(*id, *core.policies.images[*id]); !done)
    return refuse("stored, but the kernel did not take it: " + done.error().message,
                  "it counts from the next start of holdpointd", EIO);
  log_info("mode of {}{}{}: {}", event::mask(change.agent), event::mask(change.rule.empty() ? "" : " "),
           event::mask(change.rule), event::mask(std::string(policy::mode_word(after))));
  return row_of(core.policies, core.modes, *id, change.rule);
}

}  // namespace holdpoint::daemon
