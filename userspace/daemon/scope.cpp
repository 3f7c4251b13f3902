// SPDX-License-Identifier: Apache-2.0
#include "daemon/scope.hpp"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace holdpoint::daemon {
namespace {

using Bus = std::unique_ptr<sd_bus, decltype(&sd_bus_flush_close_unref)>;

Result<Bus> system_bus() {
  sd_bus* bus = nullptr;
  if (const int error = ::sd_bus_open_system(&bus); error < 0)
    return fail_errno("cannot reach systemd", -error);
  return Bus(bus, ::sd_bus_flush_close_unref);
}

bool booted_with_systemd() { return ::access("/run/systemd/system", F_OK) == 0; }

// A unit's job, and whether systemd has said that it is over.
struct Job {
  std::string unit;
  bool over = false;
};

int job_removed(sd_bus_message* message, void* userdata, sd_bus_error* /*error*/) {
  auto* job = static_cast<Job*>(userdata);
  std::uint32_t id = 0;
  const char *path = nullptr, *unit = nullptr, *result = nullptr;
  if (::sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) >= 0 && job->unit == unit)
    job->over = true;
  return 0;
}

Result<> start_scope(sd_bus* bus, const std::string& name, const std::string& agent, int pid) {
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const auto description = "Holdpoint session of agent " + agent;
  const int code = ::sd_bus_call_method(
      bus, "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
      "StartTransientUnit", &error, nullptr, "ssa(sv)a(sa(sv))", name.c_str(), "fail", 4, "Description", "s",
      description.c_str(), "Slice", "s", "agents.slice", "PIDs", "au", 1, static_cast<std::uint32_t>(pid),
      "CollectMode", "s", "inactive-or-failed", 0);
  const std::string message = error.message != nullptr ? error.message : "no reason given";
  ::sd_bus_error_free(&error);
  if (code < 0) return fail("systemd refused the scope " + name + ": " + message);
  return {};
}

// systemd answers before it has moved the process. Until the job is over; the loop waits meanwhile, for each of systemd's messages two
// seconds at most. The kernel judges without it.
void await(sd_bus* bus, const Job& job) {
  constexpr std::uint64_t kPatienceMicroseconds = 2'000'000;
  while (!job.over) {
    const int processed = ::sd_bus_process(bus, nullptr);
    if (processed < 0 || (processed == 0 && ::sd_bus_wait(bus, kPatienceMicroseconds) <= 0)) return;
  }
}

}  // namespace

Result<std::string> make_scope(Core& core, const std::string& agent, int pid) {
  const auto name = fmt::format("holdpoint-{}-{}", agent, core.clock.now().boot.nanoseconds);
  if (!booted_with_systemd()) {
    auto path = core.config.session_cgroup + "/" + name;
    if (auto made = core.cgroups.make(path); !made) return std::unexpected(made.error());
    return path;
  }
  auto bus = system_bus();
  if (!bus) return std::unexpected(bus.error());
  Job job{name + ".scope"};
  if (const int code =
          ::sd_bus_match_signal(bus->get(), nullptr, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                                "org.freedesktop.systemd1.Manager", "JobRemoved", job_removed, &job);
      code < 0)
    return fail_errno("cannot hear of systemd's jobs", -code);
  if (auto started = start_scope(bus->get(), job.unit, agent, pid); !started)
    return std::unexpected(started.error());
  await(bus->get(), job);
  auto path = core.cgroups.of_process(pid);
  // Never the cgroup that it comes from: that is its caller's, and everybody in it would become the agent's.
  if (path && !path->ends_with("/" + job.unit))
    return fail("systemd has not moved the process into " + job.unit,
                "systemctl list-jobs shows what it waits for");
  return path;
}

Result<std::string> unit_cgroup(const std::string& unit) {
  auto bus = system_bus();
  if (!bus) return std::unexpected(bus.error());
  char* path = nullptr;
  if (const int error = ::sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
      error < 0)
    return fail_errno("not a unit name: " + unit, -error);
  const std::unique_ptr<char, decltype(&std::free)> owned(path, std::free);
  const auto* interface = unit.ends_with(".scope")   ? "org.freedesktop.systemd1.Scope"
                          : unit.ends_with(".slice") ? "org.freedesktop.systemd1.Slice"
                                                     : "org.freedesktop.systemd1.Service";
  char* group = nullptr;
  sd_bus_error error = SD_BUS_ERROR_NULL;
  const int code = ::sd_bus_get_property_string(bus->get(), "org.freedesktop.systemd1", path, interface,
                                                "ControlGroup", &error, &group);
  const std::unique_ptr<char, decltype(&std::free)> owned_group(group, std::free);
  ::sd_bus_error_free(&error);
  if (code < 0 || group == nullptr || *group == '\0')
    return fail("systemd has no running unit " + unit, "systemctl status " + unit);
  return std::string(group);
}

}  // namespace holdpoint::daemon
