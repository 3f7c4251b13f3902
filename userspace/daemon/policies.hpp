// SPDX-License-Identifier: Apache-2.0
// The policy in force: read from the directory, checked, compiled, and what it says to a rule number of the kernel's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "policy/check.hpp"
#include "policy/compile.hpp"
#include "policy/evaluate.hpp"

namespace holdpoint::daemon {

struct Policies {
  policy::Checked checked;
  std::vector<policy::AgentPolicy> agents;         // index = agent id
  std::vector<std::unique_ptr<hp_policy>> images;  // likewise
  std::unique_ptr<hp_policy> cgroup_image;
  std::uint32_t generation = 0;
  std::string warnings;  // rendered, may be empty

  [[nodiscard]] std::string agent_name(std::uint32_t id) const;
  [[nodiscard]] policy::Outcome outcome(std::uint32_t agent, std::uint32_t rule) const;
};

// Error: everything that is wrong, as a person reads it, with file, line and column.
[[nodiscard]] Result<Policies> load_policies(const config::Config& config, std::uint32_t generation);

}  // namespace holdpoint::daemon
