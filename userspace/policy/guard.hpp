// SPDX-License-Identifier: Apache-2.0
// The built-in rules that protect the guard itself. They stand before the rules of every agent, and no policy
// file can name, change or precede them.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace holdpoint::policy {

// Directories of this daemon, absolute, without '/' at the end. Empty = it has none.
struct GuardPaths {
  std::string runtime_directory = "/run/holdpoint";  // its sockets
  std::string state_directory = "/var/lib/holdpoint";
  std::string config_directory = "/etc/holdpoint";
  std::string pin_directory = "/sys/fs/bpf/holdpoint";
  std::string policy_directory = {};  // where it is not below config_directory
};

// Whether the rule is one of them: no file's rule has such an id.
[[nodiscard]] bool is_guard(const Rule& rule);

[[nodiscard]] std::vector<Rule> guard_rules(const GuardPaths& paths);

}  // namespace holdpoint::policy
