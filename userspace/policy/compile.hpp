// SPDX-License-Identifier: Apache-2.0
// Checked values to the tables that the kernel reads (include/holdpoint/policy_image.h). What does not fit is
// refused with the rules that cause it, never approximated.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "policy/check.hpp"

namespace holdpoint::policy {

// Image of one agent. `generation` is that of the publication, never 0. Errors: too many rules, states,
// transitions or sets, or more work than about two seconds; they name file and line of the patterns
// responsible.
[[nodiscard]] Result<std::unique_ptr<hp_policy>> compile(const AgentPolicy& policy,
                                                         const std::vector<std::string>& files,
                                                         std::uint32_t generation);
[[nodiscard]] Result<std::unique_ptr<hp_policy>> compile(const Checked& policy, std::uint32_t agent,
                                                         std::uint32_t generation);

// Image whose object automaton reads a cgroup path; the lowest matching rule is the agent's id. Agents
// without cgroups match nothing, and no match is an empty set.
[[nodiscard]] Result<std::unique_ptr<hp_policy>> compile_cgroups(const Checked& policy,
                                                                 std::uint32_t generation);

struct ImageSize {
  std::uint32_t states = 0;
  std::uint32_t transitions = 0;
  std::uint32_t sets = 0;
  std::uint32_t rules = 0;
};
[[nodiscard]] ImageSize size_of(const hp_policy& image);

}  // namespace holdpoint::policy
