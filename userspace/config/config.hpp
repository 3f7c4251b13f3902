// SPDX-License-Identifier: Apache-2.0
// Where the daemon finds and keeps things. Defaults stand beside the fields.
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdpoint::config {

struct Config {
  std::string policy_directory = "/etc/holdpoint/policies";  // *.yaml, in natural order of their names
  std::string config_directory = "/etc/holdpoint";
  std::string state_directory = "/var/lib/holdpoint";  // store and record log
  std::string runtime_directory = "/run/holdpoint";    // api.sock
  std::string pin_directory = "/sys/fs/bpf/holdpoint";
  std::string group = "holdpoint";            // who may use the API besides root
  std::string session_cgroup = "/holdpoint";  // where `run` puts sessions when there is no systemd
};

enum class Action { run, check, unload, help, version };

struct CommandLine {
  Action action = Action::run;
  Config config;
};

// Exit codes of holdpointd, as documented in userspace/daemon/README.md.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,  // kernel, store or socket; the message says which
  kExitUsage = 2,
  kExitPolicy = 3,   // the policy has errors
  kExitAnother = 4,  // another daemon is running
  kExitKernel = 5,   // this kernel as it was started, or another version in it: trying again is of no use
};

// Error: the option that is not known, lacks its value, or is not absolute where it must be.
[[nodiscard]] Result<CommandLine> parse_command_line(int count, const char* const* arguments);
[[nodiscard]] std::string usage();

}  // namespace holdpoint::config
