// SPDX-License-Identifier: Apache-2.0
// The policy in force: read from the directory, checked, compiled, and what it says to a rule number of the kernel's.
#pragma once

#include <deque>
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

// What agents obeyed from a generation on, until the next of these.
struct FormerRules {
  std::uint32_t since = 0;
  std::shared_ptr<const std::vector<policy::AgentPolicy>> agents;
};

// So many are kept. Bells are answered before a policy is published, and the scan finds within a second what was lost: whatever
// was decided by rules that are eight readings old is over. Of what is older still no rule is named, and nothing is made up.
inline constexpr std::size_t kMostFormerRules = 8;

struct Policies {
  policy::Checked checked;
  std::vector<policy::AgentPolicy> agents;         // index = agent id
  std::vector<std::unique_ptr<hp_policy>> images;  // likewise
  std::unique_ptr<hp_policy> cgroup_image;
  std::uint32_t generation = 0;
  std::string warnings;  // rendered, may be empty
  // What the agents obeyed before the files were read again, for numbers of rules that the kernel told before that. Oldest first.
  std::deque<FormerRules> former;
  // Generation from which the numbers of rules are those of `agents`. 0 after a start: what a former daemon decided and this one
  // still has to ask about is taken to be of the files as they are.
  std::uint32_t rules_since = 0;

  [[nodiscard]] std::string agent_name(std::uint32_t id) const;
  [[nodiscard]] policy::Outcome outcome(std::uint32_t agent, std::uint32_t rule,
                                        std::uint32_t decided_in) const;
  // From the generation of this one on; until then `before` was in force.
  void succeed(const Policies& before);
  // Modes change neither rules nor their numbers.
  void apply(const policy::ModeOverrides& overrides, std::uint32_t publication);
};

// The policy directory with `candidate` in the place of the file of its name, or beside the others. What is worth a warning, or the
// error: everything that is wrong.
[[nodiscard]] Result<std::string> check_candidate(const config::Config& config, policy::SourceText candidate);

// Error: everything that is wrong, as a person reads it, with file, line and column.
[[nodiscard]] Result<Policies> load_policies(const config::Config& config, std::uint32_t generation);

}  // namespace holdpoint::daemon
