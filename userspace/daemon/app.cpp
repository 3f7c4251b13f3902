// SPDX-License-Identifier: Apache-2.0
#include "daemon/app.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <utility>

#include "base/log.hpp"
#include "daemon/bells.hpp"
#include "daemon/operator.hpp"
#include "daemon/publish.hpp"
#include "daemon/sessions.hpp"
#include "daemon/standing.hpp"

namespace holdpoint::daemon {
namespace {

constexpr auto kScan = std::chrono::milliseconds(50);  // how late a hold whose bell was lost is found
constexpr unsigned kSyncTicks = 20;       // records reach the disk, and sessions end, within a second
constexpr unsigned kFullScanTicks = 200;  // compare with the kernel's map also when no bell is known lost

// Device numbers inside the kernel have 20 minor bits; stat gives the older encoding.
std::uint64_t kernel_device(dev_t device) {
  return (static_cast<std::uint64_t>(major(device)) << 20) | minor(device);
}

}  // namespace

App::App(std::unique_ptr<Core> core, const Clock& clock)
    : clock_(clock),
      core_(std::move(core)),
      loop_(*core_->loop),
      service_(*core_, [this] { wait_for_deadline(); }),
      bells_(loop_, core_->programs->wake_descriptor()),
      deadline_(loop_),
      scan_(loop_),
      signals_(loop_, SIGTERM, SIGINT, SIGHUP) {
  core_->deadlines_moved = [this] { wait_for_deadline(); };
}

App::~App() {
  server_.reset();
  bells_.release();  // libbpf owns it
}

Result<> App::open_api() {
  api::Options options;
  options.socket_path = core_->config.runtime_directory + "/api.sock";
  options.group = api::find_group(core_->config.group);
  auto server = api::Server::start(loop_, service_, clock_, options);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  struct stat status{};
  if (::stat(options.socket_path.c_str(), &status) != 0)
    return fail_errno("cannot see " + options.socket_path, errno);
  return core_->programs->guard_file(kernel_device(status.st_dev), status.st_ino);
}

void App::wait_for_bells() {
  bells_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [this](const boost::system::error_code& error) {
                      if (!error) take_bells();
                    });
}

void App::take_bells() {
  const bool more = answer_bells(*core_);
  wait_for_deadline();
  if (more) boost::asio::post(loop_, [this] { take_bells(); });  // behind the people who wait
  else wait_for_bells();
}

void App::on_deadline() {
  (void)carry_out(*core_, core_->ledger.expire(clock_.now()));
  wait_for_deadline();
}

void App::wait_for_deadline() {
  const auto next = core_->ledger.next_deadline();
  if (!next) {
    deadline_.cancel();
    return;
  }
  // A store that could not write is tried again after a second: each try is a line in the log.
  const bool failed = core_->store_failures != seen_store_failures_;
  seen_store_failures_ = core_->store_failures;
  const auto soonest = clock_.now().wall + std::chrono::milliseconds(failed ? 1000 : 1);
  deadline_.expires_at(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(std::max(*next, WallTime(soonest))));
  deadline_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_deadline();
  });
}

void App::look_at_standing() {
  const auto& pins = core_->config.pin_directory;
  const auto before = std::exchange(
      core_->guard_missing, standing_problem(daemon::look_at_standing(pins, core_->programs->links()), pins));
  if (core_->guard_missing == before) return;
  if (core_->guard_missing.empty()) log_info("the guard stands again");
  else log_error("{}", event::mask(core_->guard_missing));
}

void App::wait_for_scan() {
  scan_.expires_after(kScan);
  scan_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto lost = core_->programs->counter(HP_COUNT_LOST_BELL);
    if (lost != lost_bells_ || ++ticks_ % kFullScanTicks == 0) scan_holds(*core_);
    lost_bells_ = lost;
    core_->parking.tidy();
    look_at_fresh_sessions(*core_);
    look_at_disarming(*core_);
    if (ticks_ % kSyncTicks == 0) {
      ::sd_notify(0, "WATCHDOG=1");  // from the loop itself: a daemon that answers nobody is started again
      record_counted(*core_, core_->denials.due(clock_.now().boot));
      record_counted(*core_, core_->observations.due(clock_.now().boot));
      core_->recorder.sync(core_->store);
      remove_empty_scopes(*core_);
      look_at_standing();
    }
    wait_for_scan();
  });
}

void App::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      (void)reload_policies(*core_, {"system", "signal", ""});  // it has told
      wait_for_signal();
      return;
    }
    log_info("signal {}: stopping; the kernel goes on enforcing (holdpointd --unload ends that)", signal);
    // Stays in `systemctl status` of the stopped service.
    ::sd_notify(0,
                "STOPPING=1\nSTATUS=Stopped; the kernel goes on enforcing. holdpointd --unload ends that.");
    core_->recorder.record(audit::daemon_stopped(event::mask("signal")), audit::Durability::now);
    loop_.stop();
  });
}

void App::run() {
  wait_for_scan();
  wait_for_signal();
  take_bells();
  ::sd_notifyf(0, "READY=1\nSTATUS=Enforcing; agents declared: %zu", core_->policies.agents.size());
  loop_.run();
  record_counted(*core_, core_->denials.end());
  record_counted(*core_, core_->observations.end());
  core_->recorder.sync(core_->store);
}

}  // namespace holdpoint::daemon
