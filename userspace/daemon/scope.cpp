// SPDX-License-Identifier: Apache-2.0
#include "daemon/scope.hpp"

#include <fmt/format.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

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

// Queues a job: systemd has answered before the process is in the scope.
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

// The cgroup of the process once systemd has moved it. Never the one that it comes from: that is its caller's, and everybody in
// it would become the agent's. The loop waits meanwhile, two seconds at most; the kernel judges without it.
Result<std::string> scope_of(const Core& core, const std::string& scope, int pid) {
  constexpr auto kLook = std::chrono::milliseconds(2);
  constexpr int kLooks = 1000;
  for (int look = 0; look < kLooks; ++look) {
    auto path = core.cgroups.of_process(pid);
    if (!path || path->ends_with("/" + scope)) return path;
    std::this_thread::sleep_for(kLook);
  }
  return fail("systemd has not moved the process into " + scope,
              "systemctl list-jobs shows what it waits for");
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
  if (auto started = start_scope(bus->get(), name + ".scope", agent, pid); !started)
    return std::unexpected(started.error());
  return scope_of(core, name + ".scope", pid);
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
