// SPDX-License-Identifier: Apache-2.0
// What an operator switches in the kernel: who is stopped, and until when the rules are disarmed. Works on the pins, so it needs no
// loaded programs, and what it wrote stays when the daemon goes.
// Owner: the daemon, or the unloading. Thread: its loop.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

struct hp_config;

namespace holdpoint::kernel {

struct LockedDown {
  static constexpr std::uint64_t kEverybody = ~0ULL;
  std::uint64_t agents = 0;  // bit N: agent N
  std::set<std::uint64_t> sessions{};
  [[nodiscard]] bool covers(std::uint32_t agent, std::uint64_t session) const {
    return (agents >> (agent & 63U) & 1U) != 0 || sessions.contains(session);
  }
  friend bool operator==(const LockedDown&, const LockedDown&) = default;
};

class Switches {
 public:
  [[nodiscard]] static Result<Switches> open(const std::string& pin_directory);

  [[nodiscard]] LockedDown locked_down() const;
  // Makes it so: who is added is refused everything when this returns. Error: no room for a session; agents are switched, and
  // nobody was let go.
  [[nodiscard]] Result<> lock_down(const LockedDown& wanted);
  // {0} when the rules are armed and nobody ever disarmed them.
  [[nodiscard]] BootTime disarmed_until() const;
  void disarm_until(BootTime until);  // {0}: armed

  Switches(Switches&& other) noexcept;
  Switches& operator=(Switches&&) = delete;
  Switches(const Switches&) = delete;
  Switches& operator=(const Switches&) = delete;
  ~Switches();

 private:
  Switches(Fd sessions, hp_config* config) : sessions_(std::move(sessions)), config_(config) {}

  Fd sessions_;
  hp_config* config_;  // mapped; the kernel side counts in other words of it
};

}  // namespace holdpoint::kernel
