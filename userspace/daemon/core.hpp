// SPDX-License-Identifier: Apache-2.0
// Every long-lived object of the daemon that judges and remembers, in the order in which they are made. One owner: App.
// Thread: the daemon's loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "approval/ledger.hpp"
#include "approval/store.hpp"
#include "base/clock.hpp"
#include "config/config.hpp"
#include "daemon/denials.hpp"
#include "daemon/modes.hpp"
#include "daemon/policies.hpp"
#include "daemon/recorder.hpp"
#include "daemon/workers.hpp"
#include "kernel/cgroups.hpp"
#include "kernel/content.hpp"
#include "kernel/parking.hpp"
#include "kernel/programs.hpp"
#include "kernel/switches.hpp"

namespace holdpoint::daemon {

// What the daemon knows of a thread that the kernel suspended.
struct HeldThread : kernel::Thread {
  bool user_stopped = false;  // somebody stopped the job meanwhile: that stop is theirs to end
  bool running = false;       // let go to take a signal; it is held again when its bell says so
};

// A held exec whose files are being read. It is asked about when they are, or when that takes too long.
struct BeingRead {
  std::uint64_t signals = 0;  // that came meanwhile; bit N-1 for signal N
};

// What the programs of a request would read as of `at`, by hold.
struct ReadAgain {
  BootTime at;
  std::map<std::uint64_t, kernel::ReadContent> contents;
};

// What a program would read, as it was when it was asked about.
struct ShownContent {
  hp_bound image{};
  bool whole = false;  // nothing else can be read by the same command later: the kernel may answer for it
};

struct Core {
  const Clock& clock;
  config::Config config;
  approval::Store store;
  approval::Ledger ledger;
  Recorder recorder;
  Policies policies;
  std::shared_ptr<kernel::Programs> programs;  // a thread that is stuck in a read keeps it, too
  kernel::Cgroups cgroups;
  kernel::Parking parking;
  std::map<std::uint64_t, HeldThread> held;
  // Kernel grants by grant id, so that a revoked one can be taken out.
  std::map<std::string, std::vector<hp_grant_key>> kernel_grants;
  std::uint64_t store_failures = 0;
  std::vector<std::uint64_t> fresh_sessions{};       // their cgroup had no name yet when the kernel rang
  std::map<std::uint64_t, ShownContent> contents{};  // of each exec, by hold
  std::unique_ptr<boost::asio::io_context> loop = std::make_unique<boost::asio::io_context>();
  std::unique_ptr<Workers> workers = std::make_unique<Workers>(*loop, Workers::Options{});
  std::map<std::uint64_t, BeingRead> being_read{};  // by hold: not asked about yet
  std::map<std::string, ReadAgain> read_again{};    // by request: for the approval that is under way
  Denials denials{};
  approval::OperatorState operators{};  // as stored; the kernel's switches say the same
  bool lockdown_not_stored = false;     // one is in force that the store could not take
  std::unique_ptr<kernel::Switches> switches{};
  Denials observations = Denials::of_observed();
  Modes modes{};
  std::string guard_missing{};  // what was taken away from below, and what to do
  std::function<void()> deadlines_moved = [] {};
};

// Carries out steps of the ledger: first all that must be durable, then records, then answers. Error: the store could not
// write; the ledger is as before, and nothing was answered.
[[nodiscard]] Result<> carry_out(Core& core, const approval::Steps& steps);

// Records for denials and observations that were counted.
void record_counted(Core& core, const std::vector<audit::Entry>& entries);

// At a start: grants that a former daemon put into the kernel can be taken out again, and those that ended meanwhile are.
void adopt_kernel_grants(Core& core);

}  // namespace holdpoint::daemon
