// SPDX-License-Identifier: Apache-2.0
// Every long-lived object of the daemon that judges and remembers, in the order in which they are made. One owner: App.
// Thread: the daemon's loop.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "approval/ledger.hpp"
#include "approval/store.hpp"
#include "base/clock.hpp"
#include "config/config.hpp"
#include "daemon/policies.hpp"
#include "daemon/recorder.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/parking.hpp"
#include "kernel/programs.hpp"

namespace holdpoint::daemon {

// What the daemon knows of a thread that the kernel suspended.
struct HeldThread {
  int tgid = 0;
  int tid = 0;
  bool user_stopped = false;  // somebody stopped the job meanwhile: that stop is theirs to end
};

struct Core {
  const Clock& clock;
  config::Config config;
  approval::Store store;
  approval::Ledger ledger;
  Recorder recorder;
  Policies policies;
  std::unique_ptr<kernel::Programs> programs;
  kernel::Cgroups cgroups;
  kernel::Parking parking;
  std::map<std::uint64_t, HeldThread> held;
  // Kernel grants by grant id, so that a revoked one can be taken out.
  std::map<std::string, std::vector<hp_grant_key>> kernel_grants;
  std::uint64_t store_failures = 0;
  std::vector<std::uint64_t> fresh_sessions{};  // their cgroup had no name yet when the kernel rang
  std::map<std::uint64_t, hp_bound>
      contents{};  // by hold: what its program would read, as it was when it was asked
};

// Carries out steps of the ledger: first all that must be durable, then records, then answers. Error: the store could not
// write; the ledger is as before, and nothing was answered.
[[nodiscard]] Result<> carry_out(Core& core, const approval::Steps& steps);

// At a start: grants that a former daemon put into the kernel can be taken out again, and those that ended meanwhile are.
void adopt_kernel_grants(Core& core);

}  // namespace holdpoint::daemon
