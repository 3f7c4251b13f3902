// SPDX-License-Identifier: Apache-2.0
#include "daemon/unload.hpp"

#include <unistd.h>

#include <cerrno>

#include "approval/store_file.hpp"
#include "audit/log.hpp"
#include "base/log.hpp"
#include "kernel/layout.hpp"
#include "kernel/unload.hpp"

namespace holdpoint::daemon {
namespace {

void record(const config::Config& config, const Clock& clock, const std::string& how) {
  auto log = audit::Log::open(config.state_directory + "/records", origin(), clock.now());
  if (!log) {
    log_error("the log does not say that the guard was unloaded: {}", event::mask(log.error().text()));
    return;
  }
  Recorder recorder(std::move(*log), clock);
  recorder.record(audit::daemon_stopped(event::mask(how)), audit::Durability::now);
}

}  // namespace

std::expected<void, StartError> unload(const config::Config& config, const Clock& clock) {
  const auto stop = [](const Error& error, config::ExitCode exit = config::kExitFailed) {
    return std::unexpected(StartError{error, exit});
  };
  const bool kept = ::access(config.state_directory.c_str(), F_OK) == 0;
  Result<Fd> lock = Fd();
  if (kept) lock = approval::lock_directory(config.state_directory);
  if (!lock)
    return stop(lock.error(), lock.error().code == EWOULDBLOCK ? config::kExitAnother : config::kExitFailed);
  if (auto same = kernel::check_layout(config.pin_directory); !same)
    return stop(same.error(), config::kExitKernel);
  const bool loaded = ::access(config.pin_directory.c_str(), F_OK) == 0;
  // No error, since it is as was wanted; but who named the wrong place has to hear it.
  if (!loaded) log_info("nothing is loaded at {}", event::mask(config.pin_directory));
  const auto done = kernel::unload(config.pin_directory, kernel::Cgroups(), clock);
  if (!done) return stop(done.error());
  for (const int pid : done->killed)
    log_warning("process {} was killed: it could not be made to take its denial", pid);
  if (kept && loaded) record(config, clock, "unload");
  return {};
}

}  // namespace holdpoint::daemon
