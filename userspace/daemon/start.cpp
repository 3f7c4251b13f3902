// SPDX-License-Identifier: Apache-2.0
#include "daemon/start.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.hpp"
#include "daemon/bells.hpp"
#include "daemon/operator.hpp"
#include "daemon/publish.hpp"
#include "daemon/sessions.hpp"
#include "daemon/version.hpp"
#include "doctor/examine.hpp"
#include "kernel/layout.hpp"

namespace holdpoint::daemon {
namespace {

using config::ExitCode;

std::unexpected<StartError> stop(const Error& error, ExitCode exit = config::kExitFailed) {
  return std::unexpected(StartError{error, exit});
}

Result<> make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return fail_errno("cannot make " + path, errno);
}

void record_start(Core& core) {
  utsname names{};
  ::uname(&names);
  core.recorder.record(audit::daemon_started({event::mask(kVersion), event::mask(names.release), "", ""}));
  record_policy(core, core.policies, "start", {"system", "holdpointd", ""});
}

// What a former daemon left: leaves in the freezer, holds in the map, sessions whose cgroup went meanwhile.
void take_over(Core& core) {
  std::map<std::uint64_t, std::pair<int, int>> threads;
  for (const auto id : core.programs->holds())
    if (const auto access = core.programs->hold(id))
      threads[id] = {static_cast<int>(access->fixed.tgid), static_cast<int>(access->fixed.tid)};
  core.parking.adopt(threads);
  adopt_kernel_grants(core);
  for (const auto& [id, session] : core.programs->sessions()) {
    if (core.cgroups.path_of(session.cgroup)) know_session(core, id);
    else cgroup_gone(core, session.cgroup, true);
  }
  std::vector<std::uint64_t> gone;
  for (const auto* session : core.ledger.sessions())
    if (!session->ended && !core.programs->session(session->id)) gone.push_back(session->id);
  for (const auto id : gone) (void)carry_out(core, core.ledger.end_session(id, core.clock.now()));
  scan_holds(core);
}

}  // namespace

std::expected<std::unique_ptr<Core>, StartError> start_core(const config::Config& config,
                                                            const Clock& clock) {
  if (auto able = doctor::check_kernel(doctor::look_at_kernel()); !able)
    return stop(able.error(), config::kExitKernel);
  for (const auto& [path, mode] :
       {std::pair{config.state_directory, 0700}, std::pair{config.runtime_directory, 0755}})
    if (auto made = make_directory(path, static_cast<mode_t>(mode)); !made) return stop(made.error());
  if (auto same = kernel::check_layout(config.pin_directory); !same)
    return stop(same.error(), config::kExitKernel);
  const auto now = clock.now();
  auto policies = load_policies(config, generation_at(now));
  if (!policies) return stop(policies.error(), config::kExitPolicy);
  auto store = approval::Store::open(config.state_directory);
  if (!store)
    return stop(store.error(),
                store.error().code == EWOULDBLOCK ? config::kExitAnother : config::kExitFailed);
  auto contents = store->load();
  if (!contents) return stop(contents.error());
  auto log = audit::Log::open(config.state_directory + "/records", origin(), now);
  if (!log) return stop(log.error());
  // Ids of sessions and holds start above the store's, and above every number that time could have given out.
  auto programs = kernel::Programs::load({config.pin_directory, contents->next_session, contents->next_hold});
  if (!programs) return stop(programs.error());
  auto core = std::make_unique<Core>(Core{clock,
                                          config,
                                          std::move(*store),
                                          approval::Ledger(contents->counters),
                                          Recorder(std::move(*log), clock),
                                          std::move(*policies),
                                          std::move(*programs),
                                          kernel::Cgroups(),
                                          kernel::Parking(kernel::Cgroups()),
                                          {},
                                          {},
                                          0});
  core->ledger.restore(std::move(contents->sessions), std::move(contents->requests),
                       std::move(contents->grants));
  core->operators = std::move(contents->operators);
  core->recorder.begin(core->store);
  core->modes = Modes(std::move(contents->modes));
  core->policies.apply(core->modes.overrides(), next_generation(core->programs->generation(), now));
  tell_modes_without_effect(*core);
  if (auto kept = keep_agent_ids(*core->programs, core->policies); !kept) return stop(kept.error());
  record_start(*core);  // first: a policy is never in force without its record
  auto switches = kernel::Switches::open(config.pin_directory);
  if (!switches) return stop(switches.error());
  core->switches = std::make_unique<kernel::Switches>(std::move(*switches));
  if (auto done = take_up_switches(*core, core->programs->agent_names()); !done) return stop(done.error());
  if (auto done = publish(*core); !done) return stop(done.error());
  if (auto done = recognise_cgroups(*core); !done) return stop(done.error());
  if (auto done = core->programs->arm(); !done) return stop(done.error());
  take_over(*core);
  stop_locked_down(*core);
  return core;
}

}  // namespace holdpoint::daemon
