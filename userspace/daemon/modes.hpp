// SPDX-License-Identifier: Apache-2.0
// Which agents and rules are enforced, and which only observed, by what operators said since. Thread: the daemon's loop.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/service.hpp"
#include "approval/store.hpp"
#include "daemon/policies.hpp"

namespace holdpoint::daemon {

struct Core;

// What was said, the newest for each agent and rule. Pure.
class Modes {
 public:
  Modes() = default;
  explicit Modes(std::vector<approval::ModeOverride> said);

  // In the place of what was said before. One that says nothing takes it back.
  void put(approval::ModeOverride said);
  [[nodiscard]] const approval::ModeOverride* find(const std::string& agent, const std::string& rule) const;
  [[nodiscard]] policy::ModeOverrides overrides() const;
  // What names no agent or rule of the policy: without effect, and kept for a policy that has it again.
  [[nodiscard]] std::vector<approval::ModeOverride> without_effect(const Policies& policies) const;

  // The agents and those of their rules that have a mode of their own; with the name of an agent: it and all its rules.
  [[nodiscard]] std::vector<api::ModeRow> rows(const Policies& policies, const std::string& agent) const;

 private:
  std::map<std::pair<std::string, std::string>, approval::ModeOverride> said_;
};

// Whoever may answer may make things stricter, and nothing less strict: that is root's, as disarming is. Taking back ("") counts as less
// strict, since the files may be. Pure.
[[nodiscard]] Result<> may_change_mode(const api::Caller& caller, const std::string& mode);

// Durable first, then effective. Error: EPERM only root may; ENOENT no such agent or rule; EINVAL a rule that is always enforced; EIO it
// could not be stored, or the kernel did not take it.
[[nodiscard]] Result<api::ModeRow> set_mode(Core& core, const api::Caller& caller,
                                            const api::ModeChange& change);

}  // namespace holdpoint::daemon
