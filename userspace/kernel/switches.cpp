// SPDX-License-Identifier: Apache-2.0
#include "kernel/switches.hpp"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <vector>

#include "holdpoint/abi.h"
#include "kernel/layout.hpp"

namespace holdpoint::kernel {
namespace {

static_assert(HP_MAX_AGENTS == 64, "a bit for each agent");

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::set<std::uint64_t> sessions_in(int map) {
  std::set<std::uint64_t> found;
  std::uint64_t id = 0;
  int next = ::bpf_map_get_next_key(map, nullptr, &id);
  // This is the map's only writer: the walk meets each entry once.
  while (next == 0 && found.insert(id).second) {
    const std::uint64_t before = id;
    next = ::bpf_map_get_next_key(map, &before, &id);
  }
  return found;
}

}  // namespace

Result<Switches> Switches::open(const std::string& pin_directory) {
  if (auto same = check_layout(pin_directory); !same) return std::unexpected(same.error());
  Fd sessions(::bpf_obj_get((pin_directory + "/maps/locked_sessions").c_str()));
  if (!sessions) return fail_errno("cannot open the map of stopped sessions", errno);
  const Fd config(::bpf_obj_get((pin_directory + "/maps/config").c_str()));
  if (!config) return fail_errno("cannot open the configuration", errno);
  void* mapped = ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, config.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno("cannot map the configuration", errno);
  return Switches(std::move(sessions), static_cast<hp_config*>(mapped));
}

Switches::Switches(Switches&& other) noexcept
    : sessions_(std::move(other.sessions_)), config_(std::exchange(other.config_, nullptr)) {}

Switches::~Switches() {
  if (config_ != nullptr) ::munmap(config_, page_size());
}

LockedDown Switches::locked_down() const {
  return {std::atomic_ref(config_->locked_agents).load(), sessions_in(sessions_.get())};
}

Result<> Switches::lock_down(const LockedDown& wanted) {
  const auto before = sessions_in(sessions_.get());
  const std::atomic_ref agents(config_->locked_agents);
  const std::atomic_ref number(config_->locked_sessions);
  // All that stops first; then what lets go.
  agents.fetch_or(wanted.agents);
  constexpr std::uint32_t one = 1;
  for (const auto id : wanted.sessions) {
    if (before.contains(id)) continue;
    if (::bpf_map_update_elem(sessions_.get(), &id, &one, BPF_ANY) != 0)
      return fail_errno("cannot stop session " + std::to_string(id), errno);
    number.fetch_add(1U);
  }
  for (const auto id : before)
    if (!wanted.sessions.contains(id)) ::bpf_map_delete_elem(sessions_.get(), &id);
  number.store(static_cast<std::uint32_t>(wanted.sessions.size()));
  agents.store(wanted.agents);
  return {};
}

BootTime Switches::disarmed_until() const { return {std::atomic_ref(config_->disarmed_until).load()}; }

void Switches::disarm_until(BootTime until) {
  std::atomic_ref(config_->disarmed_until).store(until.nanoseconds);
}

}  // namespace holdpoint::kernel
