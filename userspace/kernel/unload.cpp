// SPDX-License-Identifier: Apache-2.0
#include "kernel/unload.hpp"

#include <bpf/bpf.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/fd.hpp"
#include "holdpoint/abi.h"
#include "kernel/layout.hpp"
#include "kernel/parking.hpp"
#include "kernel/switches.hpp"

namespace holdpoint::kernel {
namespace {

constexpr std::uint64_t kPatienceNs = 10'000'000'000;  // an emulated, busy machine needs a second or two
constexpr useconds_t kLookMicroseconds = 10'000;

std::vector<std::uint64_t> ids_in(int map) {
  std::vector<std::uint64_t> ids;
  std::uint64_t id = 0;
  int found = ::bpf_map_get_next_key(map, nullptr, &id);
  while (found == 0 && ids.size() < HP_MAX_SESSIONS) {
    ids.push_back(id);
    found = ::bpf_map_get_next_key(map, &ids.back(), &id);
  }
  return ids;
}

// The pinned configuration, as kernel side and daemon share it. The mapping is left to the end of the program.
hp_config* pinned_configuration(const std::string& pins) {
  const Fd map(::bpf_obj_get((pins + "/maps/config").c_str()));
  if (!map) return nullptr;
  void* mapped = ::mmap(nullptr, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE,
                        MAP_SHARED, map.get(), 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<hp_config*>(mapped);
}

// Who is suspended and has not been told yet.
class Holds {
 public:
  explicit Holds(const std::string& pins)
      : holds_(::bpf_obj_get((pins + "/maps/holds").c_str())),
        verdicts_(::bpf_obj_get((pins + "/maps/verdicts").c_str())) {}

  [[nodiscard]] bool there() const { return holds_ && verdicts_; }
  [[nodiscard]] std::vector<std::uint64_t> ids() const { return ids_in(holds_.get()); }

  [[nodiscard]] std::optional<Thread> held(std::uint64_t id) const {
    const auto hold = std::make_unique<hp_hold>();
    if (::bpf_map_lookup_elem(holds_.get(), &id, hold.get()) != 0) return std::nullopt;
    if (hold->access.flags & HP_ACCESS_REFUSED) {  // answered at once; the daemon would have filed it
      ::bpf_map_delete_elem(holds_.get(), &id);
      return std::nullopt;
    }
    return Thread{static_cast<int>(hold->access.tgid), static_cast<int>(hold->access.tid),
                  hold->access.start_time};
  }

  [[nodiscard]] Result<> deny(std::uint64_t id, BootTime now) const {
    const auto hold = std::make_unique<hp_hold>();
    if (::bpf_map_lookup_elem(holds_.get(), &id, hold.get()) != 0) return {};
    hp_answer answer{};
    std::memcpy(answer.digest, hold->access.digest, sizeof(answer.digest));
    answer.not_after = now.nanoseconds + kPatienceNs + HP_VERDICT_LIFE_NS;
    answer.verdict = HP_DENY;
    if (::bpf_map_update_elem(verdicts_.get(), &id, &answer, BPF_ANY) != 0)
      return fail_errno("cannot deny a hold, so nothing was detached", errno);
    return {};
  }

 private:
  Fd holds_;
  Fd verdicts_;
};

// Whom a lockdown froze goes on: to take its denial, and since nothing would thaw it afterwards. Until the programs are gone it is
// refused everything all the same.
void thaw_locked_down(const std::string& pins, const Cgroups& cgroups) {
  const auto switches = Switches::open(pins);
  const Fd sessions(::bpf_obj_get((pins + "/maps/sessions").c_str()));
  if (!switches || !sessions) return;
  const auto locked = switches->locked_down();
  for (const auto id : ids_in(sessions.get())) {
    hp_session session{};
    if (::bpf_map_lookup_elem(sessions.get(), &id, &session) != 0 || !locked.covers(session.agent, id))
      continue;
    if (const auto path = cgroups.path_of(session.cgroup)) (void)cgroups.write(*path, "cgroup.freeze", "0");
  }
}

// Denies whatever is held, until nothing is, or patience ends.
Result<> release_all(const Holds& holds, const Cgroups& cgroups, const Clock& clock) {
  std::map<std::uint64_t, std::pair<int, int>> threads;
  for (const auto id : holds.ids())
    if (const auto held = holds.held(id)) threads[id] = {held->tgid, held->tid};
  Parking parking{cgroups};
  parking.adopt(threads);
  const auto start = clock.now().boot.nanoseconds;
  std::set<std::uint64_t> told;
  for (;;) {
    const auto now = clock.now().boot;
    const auto ids = holds.ids();
    for (const auto id : ids) {
      const auto held = holds.held(id);
      if (!held || !told.insert(id).second) continue;
      if (auto denied = holds.deny(id, now); !denied) return denied;
      parking.release(id, *held, false);
    }
    parking.tidy();
    if (ids.empty() || now.nanoseconds - start > kPatienceNs) return {};
    ::usleep(kLookMicroseconds);
  }
}

std::vector<std::uint32_t> pinned_programs(const std::string& pins) {
  std::vector<std::uint32_t> ids;
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(pins, error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    // Links only: a map judges nothing, nor does a program that the daemon runs.
    const auto directory = entry->path().parent_path();
    if (!directory.filename().string().starts_with("links-")) continue;
    const Fd link(::bpf_obj_get(entry->path().c_str()));
    bpf_link_info info{};
    std::uint32_t size = sizeof(info);
    if (link && ::bpf_obj_get_info_by_fd(link.get(), &info, &size) == 0) ids.push_back(info.prog_id);
  }
  return ids;
}

// The kernel takes a program out some time after its last pin went, and its link's number before that. Until then it goes on
// judging, and refuses what is asked.
void wait_until_gone(const std::vector<std::uint32_t>& programs, const Clock& clock) {
  const auto start = clock.now().boot.nanoseconds;
  for (const auto id : programs)
    while (clock.now().boot.nanoseconds - start < kPatienceNs) {
      if (!Fd(::bpf_prog_get_fd_by_id(id))) break;
      ::usleep(kLookMicroseconds);
    }
}

}  // namespace

Result<Unloaded> unload(const std::string& pin_directory, const Cgroups& cgroups, const Clock& clock) {
  Unloaded done;
  if (::access(pin_directory.c_str(), F_OK) != 0) return done;
  if (auto same = check_layout(pin_directory); !same) return std::unexpected(same.error());
  if (auto* config = pinned_configuration(pin_directory)) std::atomic_ref(config->closing).store(1U);
  thaw_locked_down(pin_directory, cgroups);
  const Holds holds(pin_directory);
  if (holds.there()) {
    if (auto released = release_all(holds, cgroups, clock); !released)
      return std::unexpected(released.error());
    for (const auto id : holds.ids())
      if (const auto held = holds.held(id); held && send_signal(*held, SIGKILL))
        done.killed.push_back(held->tgid);
  }
  const auto programs = pinned_programs(pin_directory);
  if (auto removed = remove_pins(pin_directory); !removed) return std::unexpected(removed.error());
  wait_until_gone(programs, clock);
  return done;
}

}  // namespace holdpoint::kernel
