// SPDX-License-Identifier: Apache-2.0
#include "kernel/requirements.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fstream>

namespace holdpoint::kernel {
namespace {

Result<> check_bpf_lsm(const std::string& file) {
  std::ifstream in(file);
  std::string modules;
  if (!std::getline(in, modules)) return {};
  if (("," + modules + ",").find(",bpf,") != std::string::npos) return {};
  // The parameter replaces the whole list, so it has to name what is there now too.
  return fail(
      fmt::format("this kernel was started without BPF among its security modules ({}: {})", file, modules),
      fmt::format("add lsm={},bpf to GRUB_CMDLINE_LINUX in /etc/default/grub, run update-grub, and restart "
                  "the machine",
                  modules));
}

}  // namespace

Result<> check_kernel(const KernelPlaces& places) {
  if (auto listed = check_bpf_lsm(places.security_modules); !listed) return listed;
  if (::access(places.btf.c_str(), F_OK) != 0)
    return fail(places.btf + " is missing: this kernel was built without BTF",
                "use a kernel built with CONFIG_DEBUG_INFO_BTF, as Debian's are");
  struct statfs status{};
  if (::statfs(places.cgroups.c_str(), &status) != 0 || status.f_type != CGROUP2_SUPER_MAGIC)
    return fail(places.cgroups + " is not cgroup v2",
                "start the machine without systemd.unified_cgroup_hierarchy=0");
  return {};
}

}  // namespace holdpoint::kernel
