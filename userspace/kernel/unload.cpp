// SPDX-License-Identifier: Apache-2.0
#include "kernel/unload.hpp"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "base/fd.hpp"
#include "holdpoint/abi.h"
#include "kernel/parking.hpp"

namespace holdpoint::kernel {
namespace {

std::vector<std::uint64_t> ids_in(int map) {
  std::vector<std::uint64_t> ids;
  std::uint64_t id = 0;
  int found = ::bpf_map_get_next_key(map, nullptr, &id);
  while (found == 0 && ids.size() < HP_MAX_HOLDS) {
    ids.push_back(id);
    found = ::bpf_map_get_next_key(map, &ids.back(), &id);
  }
  return ids;
}

}  // namespace

Result<> unload(const std::string& pin_directory, const Cgroups& cgroups, BootTime now) {
  if (::access(pin_directory.c_str(), F_OK) != 0) return {};
  const Fd holds(::bpf_obj_get((pin_directory + "/maps/holds").c_str()));
  const Fd verdicts(::bpf_obj_get((pin_directory + "/maps/verdicts").c_str()));
  std::map<std::uint64_t, std::pair<int, int>> threads;
  if (holds && verdicts) {
    const auto hold = std::make_unique<hp_hold>();
    for (const auto id : ids_in(holds.get())) {
      if (::bpf_map_lookup_elem(holds.get(), &id, hold.get()) != 0) continue;
      hp_answer answer{};
      std::memcpy(answer.digest, hold->access.digest, sizeof(answer.digest));
      answer.not_after = now.nanoseconds + HP_VERDICT_LIFE_NS;
      answer.verdict = HP_DENY;
      if (::bpf_map_update_elem(verdicts.get(), &id, &answer, BPF_ANY) != 0)
        return fail_errno("cannot deny a hold, so nothing was detached", errno);
      threads[id] = {static_cast<int>(hold->access.tgid), static_cast<int>(hold->access.tid)};
    }
  }
  Parking parking{cgroups};
  parking.adopt(threads);
  for (const auto& [id, thread] : threads) parking.release(id, thread.first, thread.second, false);
  // An entry goes when its thread has taken the denial; a thread that somebody else stopped keeps its entry and is let be.
  for (int look = 0; look < 200 && holds && !ids_in(holds.get()).empty(); ++look) ::usleep(10'000);
  std::error_code error;
  std::filesystem::remove_all(pin_directory, error);
  if (error) return fail_errno("cannot remove " + pin_directory, error.value());
  return {};
}

}  // namespace holdpoint::kernel
