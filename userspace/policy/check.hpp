// SPDX-License-Identifier: Apache-2.0
// From texts to a policy that is consistent, or to everything that is wrong with it.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "policy/guard.hpp"
#include "policy/mode.hpp"
#include "policy/policy.hpp"

namespace holdpoint::policy {

struct CheckResult {
  std::optional<Checked> policy;        // nothing if there is an error
  std::vector<Diagnostic> diagnostics;  // errors and warnings in the order of files and lines
};

// Reads the files in natural order of their names (9-a.yaml before 10-a.yaml), whatever the order of
// `sources`.
[[nodiscard]] CheckResult check(std::vector<SourceText> sources, const GuardPaths& guard);

// Number of the agent of this name.
[[nodiscard]] std::optional<std::uint32_t> find_agent(const Checked& policy, std::string_view name);

// What agent `id` (an index of policy.agents) obeys, each rule with its mode in force.
[[nodiscard]] AgentPolicy agent_policy(const Checked& policy, std::uint32_t id,
                                       const ModeOverrides& overrides = {});

// Warns of each rule that earlier ones leave nothing to. Finds only plain cases, and says nothing wrong.
void warn_shadowed(const Checked& policy, Diagnostics& out);

// SHA-256 over the canonical text of agents, guards and rules, lower-case hex.
[[nodiscard]] std::string digest_of(const Checked& policy);

}  // namespace holdpoint::policy
