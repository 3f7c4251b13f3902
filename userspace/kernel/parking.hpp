// SPDX-License-Identifier: Apache-2.0
// From SIGSTOP to the freezer and back, for holds that wait for a person.
//
// A stopped process is visible to its parent and anybody may continue it; a frozen thread is neither. So: a threaded leaf cgroup
// of its own below the thread's present one, frozen, then SIGCONT to the process. Only the held thread freezes; its siblings run
// on. The kernel refuses a threaded leaf beside a populated cgroup: then the process moves into a shelter first, a cgroup of its
// own that is not frozen, and the leaf is made below that. Where that is refused too, the stop stays.
//
// Owner: the daemon. Thread: its loop; the calls are a handful of small writes to cgroupfs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/result.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/signal.hpp"

namespace holdpoint::kernel {

enum class ParkedAs { frozen, stopped };

class Parking {
 public:
  explicit Parking(Cgroups cgroups) : cgroups_(std::move(cgroups)) {}

  // Freezes the thread that waits for `hold`. Idempotent: a thread that is parked already is only continued.
  ParkedAs park(std::uint64_t hold, const Thread& thread, bool user_stopped);
  // Lets it go on: the verdict is in the map. Also for holds that were never parked (they are just continued).
  void release(std::uint64_t hold, const Thread& thread, bool user_stopped);
  // Takes up leaves that a former daemon left: those of `holds` stay parked, the others are thawed and removed.
  void adopt(const std::map<std::uint64_t, std::pair<int, int>>& holds);
  // Whether a cgroup path names a leaf or shelter of ours.
  [[nodiscard]] static bool is_leaf(const std::string& path);
  [[nodiscard]] bool parked(std::uint64_t hold) const { return leaves_.contains(hold); }
  // The held thread died: thaws what else is in its leaf, and removes it.
  void forget(std::uint64_t hold);
  // Removes leaves and shelters that were still busy. To be called now and then; rmdir of a session's cgroup fails while one is below it.
  void tidy();
  // How the thread of `hold` waits now.
  [[nodiscard]] ParkedAs how(std::uint64_t hold) const {
    const auto known = leaves_.find(hold);
    return known == leaves_.end() ? ParkedAs::stopped : ParkedAs::frozen;
  }

 private:
  struct Leaf {
    std::string path;
    std::string home;  // cgroup that the thread came from, or the shelter around the leaf
  };
  [[nodiscard]] bool enter(const Leaf& leaf, int tid) const;
  // Moves the process into a shelter below `home`; its path, or empty.
  [[nodiscard]] std::string shelter(const std::string& home, int tgid);
  void leave(const Leaf& leaf, int tgid, int tid);
  void empty(const Leaf& leaf);
  void remove_leaf(const Leaf& leaf);
  // When `home` is a shelter that no leaf is left in: everybody in it goes home, and it is removed.
  void leave_shelter(const std::string& home);

  Cgroups cgroups_;
  std::map<std::uint64_t, Leaf> leaves_;
  std::map<std::string, std::string> shelters_;  // path -> cgroup that its processes came from
  std::set<std::string> leftovers_;              // leaves that could not be removed yet
};

}  // namespace holdpoint::kernel
