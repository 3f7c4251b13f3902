// SPDX-License-Identifier: Apache-2.0
#include "daemon/policies.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace holdpoint::daemon {
namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t kLargestFile = 1
                                        << 20;  // as the parser; checked first, so that nothing huge is read

Result<std::vector<policy::SourceText>> read_directory(const std::string& directory) {
  std::vector<policy::SourceText> sources;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const auto& path = entry->path();
    if (path.extension() != ".yaml" && path.extension() != ".yml") continue;
    if (!entry->is_regular_file(error))
      return fail(path.string() + " is not a regular file", "remove it from the policy directory");
    if (entry->file_size(error) > kLargestFile)
      return fail(path.string() + " is larger than 1 MiB", "split it into several files");
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return fail("cannot read " + path.string(), "the daemon needs to read every policy file");
    sources.push_back({path.string(), text.str()});
  }
  if (error) return fail_errno("cannot read policy directory " + directory, error.value());
  return sources;
}

Result<Policies> compile_sources(const config::Config& config, const std::vector<policy::SourceText>& sources,
                                 std::uint32_t generation) {
  auto result =
      policy::check(sources, {config.runtime_directory, config.state_directory, config.config_directory,
                              config.pin_directory, config.policy_directory});
  auto text = policy::render(result.diagnostics, sources);
  if (!result.policy) return fail(text, "the policy in force, if any, stays");
  Policies loaded;
  loaded.checked = std::move(*result.policy);
  loaded.generation = generation;
  loaded.warnings = std::move(text);
  for (std::uint32_t id = 0; id < loaded.checked.agents.size(); ++id) {
    loaded.agents.push_back(policy::agent_policy(loaded.checked, id));
    auto image = policy::compile(loaded.agents.back(), loaded.checked.files, generation);
    if (!image) return std::unexpected(image.error());
    loaded.images.push_back(std::move(*image));
  }
  auto cgroups = policy::compile_cgroups(loaded.checked, generation);
  if (!cgroups) return std::unexpected(cgroups.error());
  loaded.cgroup_image = std::move(*cgroups);
  return loaded;
}

}  // namespace

std::string Policies::agent_name(std::uint32_t id) const {
  return id < agents.size() ? agents[id].name : "agent-" + std::to_string(id);
}

policy::Outcome Policies::outcome(std::uint32_t agent, std::uint32_t rule, std::uint32_t decided_in) const {
  const auto* then = &agents;
  if (decided_in < rules_since) {
    const auto newer = std::ranges::upper_bound(former, decided_in, {}, &FormerRules::since);
    if (newer == former.begin())
      return {.rule = rule,
              .id = "unknown",
              .reason = "Decided by a policy that is no longer known",
              .log = true};
    then = std::prev(newer)->agents.get();
  }
  if (agent < then->size()) return policy::outcome_of((*then)[agent], rule);
  return {};
}

void Policies::succeed(const Policies& before) {
  rules_since = generation;
  former = before.former;
  former.push_back(
      {before.rules_since, std::make_shared<const std::vector<policy::AgentPolicy>>(before.agents)});
  if (former.size() > kMostFormerRules) former.pop_front();
}

void Policies::apply(const policy::ModeOverrides& overrides, std::uint32_t publication) {
  generation = publication;
  if (cgroup_image) cgroup_image->generation = publication;
  for (std::uint32_t id = 0; id < agents.size(); ++id) {
    agents[id] = policy::agent_policy(checked, id, overrides);
    policy::apply_modes(*images[id], agents[id], publication);
  }
}

Result<Policies> load_policies(const config::Config& config, std::uint32_t generation) {
  auto sources = read_directory(config.policy_directory);
  if (!sources) return std::unexpected(sources.error());
  return compile_sources(config, *sources, generation);
}

Result<std::string> check_candidate(const config::Config& config, policy::SourceText candidate) {
  auto sources = read_directory(config.policy_directory);
  if (!sources) return std::unexpected(sources.error());
  std::erase_if(*sources, [&](const policy::SourceText& one) { return one.name == candidate.name; });
  sources->push_back(std::move(candidate));
  auto compiled = compile_sources(config, *sources, 1);
  if (!compiled) return std::unexpected(compiled.error());
  return std::move(compiled->warnings);
}

}  // namespace holdpoint::daemon
