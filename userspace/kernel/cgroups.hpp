// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 tree: finding, making, marking and moving. Paths are as the kernel shows them ("/agents.slice/x.scope"),
// below the mount at /sys/fs/cgroup.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace holdpoint::kernel {

class Cgroups {
 public:
  explicit Cgroups(std::string mount = "/sys/fs/cgroup") : mount_(std::move(mount)) {}

  // The kernel's id of a cgroup: the inode number of its directory.
  [[nodiscard]] Result<std::uint64_t> id_of(const std::string& path) const;
  // Where the cgroup with this id is now. nullopt: gone.
  [[nodiscard]] std::optional<std::string> path_of(std::uint64_t id) const;
  // The cgroup of a process (its thread group's leader) or of one thread.
  [[nodiscard]] Result<std::string> of_process(int pid) const;
  [[nodiscard]] Result<std::string> of_thread(int tgid, int tid) const;
  // Who is in a cgroup now, without those below it. A threaded cgroup has no list of processes.
  [[nodiscard]] std::vector<int> processes_in(const std::string& path) const;
  [[nodiscard]] std::vector<int> threads_in(const std::string& path) const;
  // Value of xattr user.holdpoint.agent, or nothing.
  [[nodiscard]] std::optional<std::string> mark_of(const std::string& path) const;
  // Whether an operator untagged it: then neither a pattern nor a mark makes it an agent's again, until somebody tags it or it goes.
  // An xattr that only root sets, so it lives exactly as long as the cgroup does.
  [[nodiscard]] bool is_untagged(const std::string& path) const;
  [[nodiscard]] Result<> set_untagged(const std::string& path, bool untagged) const;
  // Parents before children.
  void walk(const std::function<void(const std::string& path, std::uint64_t id)>& visit) const;

  [[nodiscard]] Result<> make(const std::string& path) const;
  [[nodiscard]] Result<> remove(const std::string& path) const;
  [[nodiscard]] Result<> move_process(const std::string& path, int pid) const;
  [[nodiscard]] Result<> move_thread(const std::string& path, int tid) const;
  [[nodiscard]] Result<> write(const std::string& path, const std::string& file,
                               const std::string& value) const;
  // Whether somebody asked for it to be frozen.
  [[nodiscard]] bool is_frozen(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;

 private:
  std::string mount_;
};

}  // namespace holdpoint::kernel
