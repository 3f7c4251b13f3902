// SPDX-License-Identifier: Apache-2.0
#include "policy/guard.hpp"

#include <fmt/format.h>

#include <initializer_list>

namespace holdpoint::policy {
namespace {

constexpr std::string_view kGuardPrefix = "guard:";  // no id in a file has a colon

constexpr std::uint32_t kChange = operation_bit(HP_OP_WRITE) | operation_bit(HP_OP_CREATE) |
                                  operation_bit(HP_OP_DELETE) | operation_bit(HP_OP_LINK) |
                                  operation_bit(HP_OP_ATTRIBUTES);

Pattern pattern(const std::string& text, GlobUse use) {
  auto glob = parse_glob(text, use);
  // A directory that is no absolute path gives an empty glob, which matches nothing; config/ refuses such a
  // value.
  return {text, {}, glob ? std::move(*glob) : Glob{}};
}

// The directories themselves and everything below.
std::vector<Pattern> trees(std::initializer_list<std::string> directories, GlobUse use) {
  std::vector<Pattern> patterns;
  for (const std::string& directory : directories) {
    if (directory.empty()) continue;
    patterns.push_back(pattern(escape_glob(directory), use));
    patterns.push_back(pattern(escape_glob(directory) + "/**", use));
  }
  return patterns;
}

// Programs, and what systemd reads of our units or for them: also drop-ins for all services and slices, and settings of systemd itself,
// whose environment every service inherits. The loader reads ld.so.preload for every program. Not here, since root has many more of
// that kind and packages write there: libraries and where they are looked for, generators, units of other names. A policy says who
// may write those.
std::vector<Pattern> installed_files() {
  std::vector<Pattern> patterns;
  for (const char* file : {"/usr/bin/holdpoint", "/usr/sbin/holdpointd", "/etc/ld.so.preload"})
    patterns.push_back(pattern(file, GlobUse::path));
  for (const char* top : {"/etc", "/run", "/usr/lib", "/usr/local/lib"}) {
    for (const char* place : {"system", "system.control", "system.attached", "transient", "generator*"})
      for (const char* unit :
           {"{holdpoint*,agents.slice*}", "{holdpoint*,agents.slice*}/*", "{service,slice}.d",
            "{service,slice}.d/*", "*.{wants,requires,upholds}/{holdpoint*,agents.slice*}"})
        patterns.push_back(pattern(fmt::format("{}/systemd/{}/{}", top, place, unit), GlobUse::path));
    for (const char* file : {"systemd/system.conf", "systemd/system.conf.d", "systemd/system.conf.d/*",
                             "{sysusers.d,tmpfiles.d}/holdpoint.conf"})
      patterns.push_back(pattern(fmt::format("{}/{}", top, file), GlobUse::path));
  }
  return patterns;
}

Rule deny(std::string id, std::uint32_t operations, std::string reason) {
  Rule rule;
  rule.id = std::string(kGuardPrefix) + std::move(id);
  rule.operations = operations;
  rule.verdict = HP_DENY;
  rule.reason = std::move(reason);
  rule.log = true;
  return rule;
}

}  // namespace

bool is_guard(const Rule& rule) { return rule.id.starts_with(kGuardPrefix); }

std::vector<Rule> guard_rules(const GuardPaths& paths) {
  std::vector<Rule> rules;
  // Unpinning the links would end enforcement; cgroup files would move, thaw or kill held processes.
  rules.push_back(deny("kernel", kChange, "Agents cannot change what enforces their policy"));
  rules.back().paths = trees({"/sys/fs/bpf", "/sys/fs/cgroup", paths.pin_directory}, GlobUse::path);
  // ftrace_enabled=0 silences BPF LSM programs; sysrq can kill or reboot. The kernel side knows these files wherever they are mounted
  // (bpf/lib/guard.bpf.h), and more of the kind; here they get a rule's name where they usually are.
  for (const char* file : {"/proc/sys/kernel/ftrace_enabled", "/proc/sysrq-trigger"}) {
    rules.back().paths.push_back(pattern(file, GlobUse::path));
  }
  // What another start would run as root and untagged: as the package installs it, and what systemd reads beside it.
  rules.push_back(deny("installed", kChange, "Agents cannot change Holdpoint as it is installed"));
  rules.back().paths = installed_files();
  rules.push_back(deny("daemon-files", kChange, "Agents cannot change Holdpoint's files"));
  rules.back().paths =
      trees({paths.state_directory, paths.config_directory, paths.runtime_directory, paths.policy_directory},
            GlobUse::path);
  // The store and the log hold other agents' requests and what people said about them.
  if (!paths.state_directory.empty()) {
    rules.push_back(
        deny("daemon-state", operation_bit(HP_OP_READ), "Agents cannot read Holdpoint's records"));
    rules.back().paths = trees({paths.state_directory}, GlobUse::path);
  }
  // Who could reach the API could approve itself.
  if (!paths.runtime_directory.empty()) {
    rules.push_back(deny("daemon-sockets", kNetworkOperations, "Agents cannot decide about themselves"));
    const bool run =
        paths.runtime_directory.starts_with("/run/");  // /var/run is a link to it on most systems
    rules.back().sockets = trees(
        {paths.runtime_directory, run ? "/var" + paths.runtime_directory : std::string{}}, GlobUse::socket);
  }
  return rules;
}

}  // namespace holdpoint::policy
