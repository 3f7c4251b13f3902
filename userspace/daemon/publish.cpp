// SPDX-License-Identifier: Apache-2.0
#include "daemon/publish.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "daemon/bells.hpp"
#include "daemon/operator.hpp"
#include "daemon/sessions.hpp"

namespace holdpoint::daemon {
namespace {

// Everything that can fail without the kernel.
Result<Policies> read_policies(const Core& core) {
  const auto generation = next_generation(core.policies.generation, core.clock.now());
  auto fresh = load_policies(core.config, generation);
  if (!fresh) return fresh;
  if (auto kept = keep_agent_ids(*core.programs, *fresh); !kept) return std::unexpected(kept.error());
  fresh->apply(core.modes.overrides(), generation);
  return fresh;
}

// From here on the policy is `other`, which becomes the one that was: recorded first, then published.
Result<> exchange_policies(Core& core, Policies& other, Literal origin, const approval::Principal& by) {
  other.succeed(core.policies);
  record_policy(core, other, origin, by);
  std::swap(core.policies, other);
  auto done = number_lockdowns(core, true);
  if (done) done = publish(core);
  if (done) done = number_lockdowns(core, false);
  return done;
}

// The kernel took a part of the new policy, agent by agent. The former one goes over it as a publication of its own: generations
// do not fall. Each agent obeys one of the two at any moment, and one that only the new policy has has no rules, which denies.
std::unexpected<Error> go_back(Core& core, Policies& former, const Error& why) {
  former.apply(core.modes.overrides(), next_generation(core.policies.generation, core.clock.now()));
  const auto again = exchange_policies(core, former, "former", {"system", "holdpointd", ""});
  Error error{"the kernel did not take the policy: " + why.message, "the former one is in force again",
              EBUSY};
  if (!again) {
    error.code = ENOTRECOVERABLE;
    error.message += "; nor the whole of the former one again: " + again.error().message;
    error.hint = "each agent obeys the one or the other: have the policy read again, or restart holdpointd";
  }
  return std::unexpected(std::move(error));
}

Result<> take_new_policies(Core& core, const approval::Principal& by) {
  auto policies = read_policies(core);
  if (!policies) return std::unexpected(policies.error());
  if (auto done = exchange_policies(core, *policies, "reload", by); !done)
    return go_back(core, *policies, done.error());
  tell_modes_without_effect(core);
  // It is in force. Who is not found now is tagged by its first hook.
  if (auto found = recognise_cgroups(core); !found) log_error("{}", event::mask(found.error().text()));
  return {};
}

}  // namespace

std::uint32_t generation_at(Now now) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.wall.time_since_epoch()).count());
}

std::uint32_t next_generation(std::uint32_t last, Now now) { return std::max(last + 1, generation_at(now)); }

Result<> keep_agent_ids(const kernel::Programs& programs, const Policies& policies) {
  for (const auto& [name, id] : programs.agent_names()) {
    const bool same = id < policies.agents.size() && policies.agents[id].name == name;
    const auto sessions = programs.sessions();
    const auto number = id;
    const bool alive = std::any_of(sessions.begin(), sessions.end(),
                                   [&](const auto& entry) { return entry.second.agent == number; });
    if (!same && alive)
      return fail("agent \"" + name + "\" has live sessions, but moved or vanished in the policy",
                  "keep agents in their order and add new ones at the end, or end the sessions first");
  }
  return {};
}

void record_policy(Core& core, const Policies& policies, Literal origin, const approval::Principal& by) {
  audit::PolicyView view{policies.generation, policies.checked.digest, {}, event::mask(origin.text())};
  for (const auto& file : policies.checked.files) view.files.push_back(event::mask(file));
  core.recorder.record(audit::policy_loaded(view, by), audit::Durability::now);
}

Result<> publish(Core& core) {
  std::vector<std::string> names;
  for (std::uint32_t id = 0; id < core.policies.agents.size(); ++id) {
    names.push_back(core.policies.agents[id].name);
    if (auto done = core.programs->publish(id, *core.policies.images[id]); !done) return done;
  }
  for (auto id = static_cast<std::uint32_t>(names.size()); id < HP_MAX_AGENTS; ++id)
    if (auto done = core.programs->withdraw(id); !done) return done;
  if (auto done = core.programs->publish_cgroups(*core.policies.cgroup_image); !done) return done;
  if (auto done = core.programs->name_variables(core.policies.checked.variables); !done) return done;
  return core.programs->name_agents(names);
}

void tell_modes_without_effect(const Core& core) {
  for (const auto& said : core.modes.without_effect(core.policies))
    log_error("the mode \"{}\" of agent {}, rule {} has no effect: the policy does not have it",
              event::mask(said.mode), event::mask(said.agent),
              event::mask(said.rule.empty() ? "(all)" : said.rule));
}

Result<> reload_policies(Core& core, const approval::Principal& by) {
  // Numbers of rules in what the kernel rang so far are those of the policy in force.
  constexpr int kRounds = 64;
  for (int round = 0; round < kRounds && answer_bells(core); ++round) {
  }
  auto done = take_new_policies(core, by);
  if (!done) {
    log_error("the policy was not loaded: {}", event::mask(done.error().text()));
    core.recorder.record(audit::policy_refused(event::mask(done.error().text()), by));
  } else {
    log_info("policy loaded again");
  }
  return done;
}

}  // namespace holdpoint::daemon
