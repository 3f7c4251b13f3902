// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "doctor/examine.hpp"
#include "doctor/release.hpp"

namespace holdpoint::doctor {
namespace {

// The oldest kernel whose hooks and helpers suffice, and those on which every change is tested.
constexpr Version kOldest{6, 1};
constexpr Version kTested[] = {{6, 1}, {6, 12}};

Finding examine_release(const Host& host) {
  const auto version = version_of(host.release);
  if (!version) return {Kind::unknown, "Kernel", host.release + " is no version that can be read", ""};
  if (*version < kOldest)
    return {Kind::missing, "Kernel",
            host.release + " is too old: 6.1 is the oldest that can hold a system call",
            "install a newer kernel; Debian 12 and Ubuntu 24.04 have one"};
  for (const Version& tested : kTested) {
    if (*version == tested) return {Kind::good, "Kernel", host.release, ""};
  }
  return {Kind::good, "Kernel", host.release + "; every change is tested on 6.1 and 6.12, not on this one",
          "try it where nothing depends on it first, and read `holdpoint status`"};
}

Finding examine_modules(const Host& host) {
  const char* subject = "BPF LSM";
  if (!host.security_modules)
    return {Kind::unknown, subject, "/sys/kernel/security/lsm cannot be read",
            "as root: mount -t securityfs securityfs /sys/kernel/security; in a container, ask on the host "
            "itself"};
  const std::string& modules = *host.security_modules;
  if (("," + modules + ",").find(",bpf,") != std::string::npos) return {Kind::good, subject, modules, ""};
  // The parameter replaces the whole list, so it has to name what is there now too.
  const std::string parameter = fmt::format("lsm={},bpf", modules);
  return {Kind::missing, subject,
          fmt::format("this kernel was started without BPF among its security modules: {}", modules),
          host.grub ? fmt::format("add {} to GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, and "
                                  "restart the machine",
                                  parameter)
                    : fmt::format("add {} to the kernel's command line in your boot loader, and restart the "
                                  "machine",
                                  parameter)};
}

Finding examine_btf(const Host& host) {
  if (host.btf) return {Kind::good, "BTF", "/sys/kernel/btf/vmlinux", ""};
  return {Kind::missing, "BTF", "/sys/kernel/btf/vmlinux is missing: this kernel was built without BTF",
          "use a kernel built with CONFIG_DEBUG_INFO_BTF, as those of Debian and Ubuntu are"};
}

// Without BTF there is nothing to see, and that is told already.
std::vector<Finding> examine_hooks(const Host& host) {
  const char* subject = "Hooks";
  if (!host.btf) return {};
  if (!host.path_hooks)
    return {
        {Kind::unknown, subject, "/sys/kernel/btf/vmlinux does not tell which hooks this kernel has", ""}};
  if (*host.path_hooks) return {{Kind::good, subject, "also for names of files (CONFIG_SECURITY_PATH)", ""}};
  return {
      {Kind::missing, subject,
       "this kernel was built without CONFIG_SECURITY_PATH: it asks nobody before a file is made, renamed or "
       "removed",
       "use a kernel built with it, as those of Debian and Ubuntu are"}};
}

Finding examine_cgroups(const Host& host) {
  if (host.cgroup2) return {Kind::good, "cgroup v2", "/sys/fs/cgroup", ""};
  return {Kind::missing, "cgroup v2", "/sys/fs/cgroup is not cgroup v2",
          "start the machine without systemd.unified_cgroup_hierarchy=0"};
}

// What switches BPF off although it is there.
std::vector<Finding> examine_switches(const Host& host) {
  std::vector<Finding> findings;
  if (host.lockdown && host.lockdown->find("[confidentiality]") != std::string::npos)
    findings.push_back(
        {Kind::missing, "Lockdown",
         "the kernel is locked down to confidentiality: no BPF program may read what it judges",
         "start the machine with lockdown=integrity"});
  if (host.ftrace_enabled == "0")
    findings.push_back({Kind::missing, "Tracing",
                        "kernel.ftrace_enabled is 0: attached programs are not called",
                        "sysctl kernel.ftrace_enabled=1, and look who set it"});
  return findings;
}

// What the daemon loads and attaches the programs with. Root in a container has not got it, whatever the host can do.
Finding examine_rights(const Host& host) {
  constexpr std::uint64_t kSysAdmin = 1ULL << 21;
  constexpr std::uint64_t kPerfmon = 1ULL << 38;
  constexpr std::uint64_t kBpf = 1ULL << 39;
  constexpr std::uint64_t kNeeded = kBpf | kPerfmon | kSysAdmin;
  if (!host.root)
    return {Kind::unknown, "Rights", "you are not root, so not everything could be looked at",
            "sudo holdpoint doctor"};
  if (!host.capabilities)
    return {Kind::unknown, "Rights", "/proc/self/status does not say which capabilities you have", ""};
  if ((*host.capabilities & kNeeded) != kNeeded)
    return {Kind::unknown, "Rights",
            "you are root without CAP_BPF, CAP_PERFMON or CAP_SYS_ADMIN, which loading the programs needs",
            "ask on the host itself: a container takes them away"};
  return {Kind::good, "Rights", "root, with the capabilities that loading the programs needs", ""};
}

}  // namespace

std::vector<Finding> examine_kernel(const Host& host) {
  std::vector<Finding> findings{examine_release(host), examine_modules(host), examine_btf(host)};
  for (Finding& finding : examine_hooks(host)) findings.push_back(std::move(finding));
  findings.push_back(examine_cgroups(host));
  for (Finding& finding : examine_switches(host)) findings.push_back(std::move(finding));
  findings.push_back(examine_rights(host));
  return findings;
}

Ability ability(const std::vector<Finding>& findings) {
  const auto any = [&](Kind kind) {
    return std::ranges::find(findings, kind, &Finding::kind) != findings.end();
  };
  if (any(Kind::missing)) return Ability::cannot;
  return any(Kind::unknown) ? Ability::unknown : Ability::can;
}

Result<> check_kernel(const Host& host) {
  for (Finding& finding : examine_kernel(host)) {
    if (finding.kind == Kind::missing) return fail(std::move(finding.text), std::move(finding.advice));
  }
  return {};
}

}  // namespace holdpoint::doctor
