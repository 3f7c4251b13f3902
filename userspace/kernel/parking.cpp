// SPDX-License-Identifier: Apache-2.0
#include "kernel/parking.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <charconv>
#include <string_view>
#include <vector>

namespace holdpoint::kernel {
namespace {

constexpr std::string_view kPrefix = "holdpoint-hold-";
constexpr std::string_view kShelterPrefix = "holdpoint-hold-process-";
// Between two looks at who is in a shelter a process may fork. One that forks faster keeps its shelter until the next tidying.
constexpr int kLooks = 8;

void resume(const Thread& thread, bool user_stopped) {
  // Somebody pressed Ctrl-Z meanwhile: that stop is theirs to end.
  if (!user_stopped) send_signal(thread, SIGCONT);
}

std::string below(const std::string& home, std::string_view prefix, std::uint64_t number) {
  return fmt::format("{}/{}{}", home == "/" ? "" : home, prefix, number);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string above(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool Parking::is_leaf(const std::string& path) { return name_of(path).starts_with(kPrefix); }

bool Parking::enter(const Leaf& leaf, int tid) const {
  if (!cgroups_.make(leaf.path)) return false;
  if (cgroups_.write(leaf.path, "cgroup.type", "threaded") &&
      cgroups_.write(leaf.path, "cgroup.freeze", "1") && cgroups_.move_thread(leaf.path, tid))
    return true;
  (void)cgroups_.remove(leaf.path);
  return false;
}

std::string Parking::shelter(const std::string& home, int tgid) {
  if (shelters_.contains(home)) return {};  // it is in one already, and that did not help
  auto path = below(home, kShelterPrefix, static_cast<std::uint64_t>(tgid));
  if (!cgroups_.make(path)) return {};
  shelters_.emplace(path, home);
  if (cgroups_.move_process(path, tgid)) return path;
  leave_shelter(path);
  return {};
}

ParkedAs Parking::park(std::uint64_t hold, const Thread& thread, bool user_stopped) {
  const int tgid = thread.tgid, tid = thread.tid;
  const auto home = cgroups_.of_thread(tgid, tid);
  if (!home) return ParkedAs::stopped;
  if (const auto known = leaves_.find(hold); known != leaves_.end()) {
    if (*home == known->second.path) {
      (void)cgroups_.write(known->second.path, "cgroup.freeze", "1");
      resume(thread, user_stopped);
      return ParkedAs::frozen;
    }
    // Somebody moved it out.
    remove_leaf(known->second);
    leaves_.erase(known);
  }
  Leaf leaf{below(*home, kPrefix, hold), *home};
  if (!enter(leaf, tid)) {
    leaf.home = shelter(*home, tgid);
    if (leaf.home.empty()) return ParkedAs::stopped;
    leaf.path = below(leaf.home, kPrefix, hold);
    if (!enter(leaf, tid)) {
      leave_shelter(leaf.home);
      return ParkedAs::stopped;
    }
  }
  leaves_.emplace(hold, leaf);
  resume(thread, user_stopped);
  return ParkedAs::frozen;
}

void Parking::leave(const Leaf& leaf, int tgid, int tid) {
  // Going home thaws. The other way round it could fork in the leaf, and the child would stay there.
  if (!cgroups_.move_thread(leaf.home, tid)) (void)cgroups_.move_process(leaf.home, tgid);
  // If it could not go, it goes on where it is.
  (void)cgroups_.write(leaf.path, "cgroup.freeze", "0");
  remove_leaf(leaf);
}

void Parking::empty(const Leaf& leaf) {
  for (const int tid : cgroups_.threads_in(leaf.path)) (void)cgroups_.move_thread(leaf.home, tid);
  (void)cgroups_.write(leaf.path, "cgroup.freeze", "0");
  remove_leaf(leaf);
}

void Parking::remove_leaf(const Leaf& leaf) {
  // Busy while a dead thread is still being reaped.
  if (!cgroups_.remove(leaf.path)) leftovers_.insert(leaf.path);
}

void Parking::leave_shelter(const std::string& home) {
  const auto known = shelters_.find(home);
  if (known == shelters_.end()) return;
  for (const auto& [hold, leaf] : leaves_)
    if (leaf.home == home) return;
  for (int look = 0; look < kLooks; ++look) {
    const auto inside = cgroups_.processes_in(home);
    if (inside.empty()) break;
    for (const int pid : inside) (void)cgroups_.move_process(known->second, pid);
  }
  if (cgroups_.remove(home)) shelters_.erase(known);
}

void Parking::tidy() {
  std::erase_if(leftovers_, [&](const std::string& path) { return cgroups_.remove(path).has_value(); });
  std::vector<std::string> paths;
  for (const auto& [path, home] : shelters_) paths.push_back(path);
  for (const auto& path : paths) leave_shelter(path);
}

void Parking::release(std::uint64_t hold, const Thread& thread, bool user_stopped) {
  // While the thread is frozen: once it runs it may come to a hook at once, and this would end the stop that it meets there.
  resume(thread, user_stopped);
  if (const auto known = leaves_.find(hold); known != leaves_.end()) {
    const auto leaf = known->second;
    leaves_.erase(known);
    leave(leaf, thread.tgid, thread.tid);
    leave_shelter(leaf.home);
  }
}

void Parking::forget(std::uint64_t hold) {
  const auto known = leaves_.find(hold);
  if (known == leaves_.end()) return;
  const auto leaf = known->second;
  leaves_.erase(known);
  empty(leaf);
  leave_shelter(leaf.home);
}

void Parking::adopt(const std::map<std::uint64_t, std::pair<int, int>>& holds) {
  cgroups_.walk([&](const std::string& path, std::uint64_t) {
    auto name = name_of(path);
    if (name.starts_with(kShelterPrefix)) {
      shelters_.emplace(path, above(path));
      return;
    }
    if (!name.starts_with(kPrefix)) return;
    name.remove_prefix(kPrefix.size());
    std::uint64_t hold = 0;
    std::from_chars(name.data(), name.data() + name.size(), hold);
    Leaf leaf{path, above(path)};
    if (holds.contains(hold)) leaves_.emplace(hold, std::move(leaf));
    else empty(leaf);
  });
  tidy();
}

}  // namespace holdpoint::kernel
