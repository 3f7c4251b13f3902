// SPDX-License-Identifier: Apache-2.0
#include "kernel/parking.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <charconv>
#include <string_view>

namespace holdpoint::kernel {
namespace {

constexpr const char* kPrefix = "holdpoint-hold-";

void resume(int tgid, bool user_stopped) {
  // Somebody pressed Ctrl-Z meanwhile: that stop is theirs to end.
  if (!user_stopped) ::kill(tgid, SIGCONT);
}

std::string leaf_path(const std::string& home, std::uint64_t hold) {
  return fmt::format("{}/{}{}", home == "/" ? "" : home, kPrefix, hold);
}

}  // namespace

bool Parking::is_leaf(const std::string& path) {
  return std::string_view(path).substr(path.rfind('/') + 1).starts_with(kPrefix);
}

bool Parking::enter(Leaf& leaf, int tgid, int tid) const {
  if (!cgroups_.make(leaf.path)) return false;
  leaf.how = ParkedAs::thread;
  if (cgroups_.write(leaf.path, "cgroup.type", "threaded") && cgroups_.write(leaf.path, "cgroup.freeze", "1") &&
      cgroups_.move_thread(leaf.path, tid))
    return true;
  (void)cgroups_.remove(leaf.path);
  if (!cgroups_.make(leaf.path)) return false;
  leaf.how = ParkedAs::process;
  if (cgroups_.write(leaf.path, "cgroup.freeze", "1") && cgroups_.move_process(leaf.path, tgid)) return true;
  (void)cgroups_.remove(leaf.path);
  return false;
}

ParkedAs Parking::park(std::uint64_t hold, int tgid, int tid, bool user_stopped) {
  if (const auto known = leaves_.find(hold); known != leaves_.end()) {
    (void)cgroups_.write(known->second.path, "cgroup.freeze", "1");
    resume(tgid, user_stopped);
    return known->second.how;
  }
  const auto home = cgroups_.of_thread(tgid, tid);
  if (!home) return ParkedAs::stopped;
  Leaf leaf{leaf_path(*home, hold), *home, ParkedAs::thread};
  if (!enter(leaf, tgid, tid)) return ParkedAs::stopped;
  leaves_.emplace(hold, leaf);
  resume(tgid, user_stopped);
  return leaf.how;
}

void Parking::leave(const Leaf& leaf, int tgid, int tid) const {
  (void)cgroups_.write(leaf.path, "cgroup.freeze", "0");
  // It goes home; if its home is gone it stays where it is, thawed.
  if (leaf.how == ParkedAs::thread)
    (void)cgroups_.move_thread(leaf.home, tid);
  else
    (void)cgroups_.move_process(leaf.home, tgid);
  (void)cgroups_.remove(leaf.path);
}

void Parking::release(std::uint64_t hold, int tgid, int tid, bool user_stopped) {
  if (const auto known = leaves_.find(hold); known != leaves_.end()) {
    leave(known->second, tgid, tid);
    leaves_.erase(known);
  }
  resume(tgid, user_stopped);
}

void Parking::forget(std::uint64_t hold) {
  const auto known = leaves_.find(hold);
  if (known == leaves_.end()) return;
  (void)cgroups_.write(known->second.path, "cgroup.freeze", "0");
  // EBUSY while the dead thread is still being reaped: the leaf is empty and goes with its parent.
  if (cgroups_.remove(known->second.path)) leaves_.erase(known);
}

void Parking::adopt(const std::map<std::uint64_t, std::pair<int, int>>& holds) {
  cgroups_.walk([&](const std::string& path, std::uint64_t) {
    const auto slash = path.rfind('/');
    const auto name = path.substr(slash + 1);
    if (!name.starts_with(kPrefix)) return;
    std::uint64_t hold = 0;
    const auto digits = name.substr(std::string_view(kPrefix).size());
    std::from_chars(digits.data(), digits.data() + digits.size(), hold);
    const auto home = slash == 0 ? "/" : path.substr(0, slash);
    Leaf leaf{path, home, ParkedAs::thread};
    if (holds.contains(hold)) {
      leaves_.emplace(hold, leaf);
      return;
    }
    leave(leaf, 0, 0);
  });
}

}  // namespace holdpoint::kernel
