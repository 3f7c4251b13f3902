// SPDX-License-Identifier: Apache-2.0
// The facts about a host that its ability to run Holdpoint depends on, read once. What cannot be read is absent, not false.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdpoint::doctor {

struct Group {
  std::string name;
  unsigned gid = 0;
  std::vector<std::string> members;  // also those whose first group it is
};

// A socket through which another process does things for its caller.
struct ControlSocket {
  std::string path;
  std::string what;  // "Docker"
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned mode = 0;  // permission bits
};

// A line of a file, as it stands there.
struct Line {
  std::string file;
  std::size_t number = 0;
  std::string text;
};

struct Host {
  std::string release;  // of the kernel, as uname -r
  bool root = false;    // whether the reader was root: what others may not read is absent
  std::optional<std::uint64_t> capabilities;  // effective ones of the reader, a bit for each number
  std::optional<std::string> security_modules;
  bool btf = false;
  std::optional<bool> path_hooks;  // the kernel calls before a file is made, renamed or removed
  bool cgroup2 = false;
  bool grub = false;                          // Debian's and Ubuntu's place for kernel parameters is there
  std::optional<std::string> lockdown;        // "none [integrity] confidentiality"
  std::optional<std::string> ftrace_enabled;  // of sysctl
  std::vector<Group> groups;
  std::vector<ControlSocket> services;  // of the system
  std::vector<ControlSocket> personal;  // of programs that a user runs: terminals, agents for keys, buses
  std::vector<Line> sudo_without_password;
};

// Where to look. A test has a directory with files of its own; its kernel release is given.
struct Places {
  std::string top = "/";
  std::string release;  // empty: of the running kernel
};
[[nodiscard]] Host look(const Places& places = {});
// What examine_kernel() needs, without the rest: nothing that lies in somebody's home, which may be a mount that does not answer.
[[nodiscard]] Host look_at_kernel(const Places& places = {});

}  // namespace holdpoint::doctor
