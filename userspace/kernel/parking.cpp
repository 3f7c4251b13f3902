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
  if (cgroups_.write(leaf.path, "cgroup.type", "threaded") &&
      cgroups_.write(leaf.path, "cgroup.freeze", "1") && cgroups_.move_thread(leaf.path, tid))
    return true;
  (void)cgroups_.remove(leaf.path);
  if (!cgroups_.make(leaf.path)) return false;
  leaf.how = ParkedAs::process;
  if (cgroups_.write(leaf.path, "cgroup.freeze", "1") && cgroups_.move_process(leaf.path, tgid)) return true;
  (void)cgroups_.remove(leaf.path);
  return false;
}

ParkedAs Parking::park(std::uint64_t hold, int tgid, int tid, bool user_stopped) {
  const auto home = cgroups_.of_thread(tgid, tid);
  if (!home) return ParkedAs::stopped;
  if (const auto known = leaves_.find(hold); known != leaves_.end()) {
    if (*home == known->second.path) {
      (void)cgroups_.write(known->second.path, "cgroup.freeze", "1");
      resume(tgid, user_stopped);
      return known->second.how;
    }
    // Somebody moved it out: the release of a sibling took the whole process home, or an administrator did.
    remove(known->second.path);
    leaves_.erase(known);
  }
  Leaf leaf{leaf_path(*home, hold), *home, ParkedAs::thread};
  if (!enter(leaf, tgid, tid)) return ParkedAs::stopped;
  leaves_.emplace(hold, leaf);
  resume(tgid, user_stopped);
  return leaf.how;
}

void Parking::leave(const Leaf& leaf, int tgid, int tid) {
  // Going home thaws. The other way round it could fork in the leaf, and the child would stay there.
  if (leaf.how == ParkedAs::process || !cgroups_.move_thread(leaf.home, tid))
    (void)cgroups_.move_process(leaf.home, tgid);
  // If it could not go, it goes on where it is.
  (void)cgroups_.write(leaf.path, "cgroup.freeze", "0");
  remove(leaf.path);
}

void Parking::empty(const Leaf& leaf) {
  for (const int tid : cgroups_.threads_in(leaf.path)) (void)cgroups_.move_thread(leaf.home, tid);
  for (const int pid : cgroups_.processes_in(leaf.path)) (void)cgroups_.move_process(leaf.home, pid);
  (void)cgroups_.write(leaf.path, "cgroup.freeze", "0");
  remove(leaf.path);
}

void Parking::remove(const std::string& path) {
  // Busy while a dead thread is still being reaped, or a leaf below it is.
  if (!cgroups_.remove(path)) leftovers_.insert(path);
}

void Parking::tidy() {
  std::erase_if(leftovers_, [&](const std::string& path) { return cgroups_.remove(path).has_value(); });
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
  empty(known->second);
  leaves_.erase(known);
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
    empty(leaf);
  });
}

}  // namespace holdpoint::kernel
