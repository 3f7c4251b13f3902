// SPDX-License-Identifier: Apache-2.0
// What would have been asked or denied, from the records of kind `observed`. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "cli/terminal.hpp"

namespace holdpoint::cli {

// What an agent that is only observed meets all the same.
inline constexpr const char* kStillRefused =
    "What protects Holdpoint itself, and what no rule can judge (io_uring, bpf, unusual sockets), is still "
    "refused.";

// To do when it is enforced: what was set up before, such as a mount under another name, is not undone by it.
inline constexpr const char* kEndWhatBegan =
    "End its sessions that began while it was observed (restart the agent): what they have set up stays "
    "(namespaces, mounts, open files).";

class ObservedReport {
 public:
  // Records of other kinds are passed over.
  void add(const nlohmann::json& record);
  // Where the record says that an agent is observed from now on, what was told of it before is forgotten.
  void begin_anew(const nlohmann::json& record);
  [[nodiscard]] bool empty() const { return groups_.empty(); }
  // {groups: [{agent, rule, verdict, count, reason, example}], agents: [{agent, next}]}, the most frequent first.
  [[nodiscard]] nlohmann::json as_json() const;
  [[nodiscard]] std::string draw(const Terminal& terminal) const;

 private:
  struct Group {
    std::uint64_t count = 0;
    std::string reason;
    std::string example;  // the first
  };
  using Key = std::tuple<std::string, std::string, std::string>;  // agent, rule, verdict
  [[nodiscard]] std::vector<std::pair<Key, Group>> sorted() const;
  [[nodiscard]] std::vector<std::string> agents() const;

  std::map<Key, Group> groups_;
};

// The command that switches an agent to enforce.
[[nodiscard]] std::string enforce_command(const std::string& agent);

}  // namespace holdpoint::cli
