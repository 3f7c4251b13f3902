// SPDX-License-Identifier: Apache-2.0
// What the running kernel must have, asked before anything is loaded, so that the answer is a sentence and not the
// loader's last line.
#pragma once

#include <string>

#include "base/result.hpp"

namespace holdpoint::kernel {

// Where the answers are; a test has files of its own.
struct KernelPlaces {
  std::string security_modules = "/sys/kernel/security/lsm";
  std::string btf = "/sys/kernel/btf/vmlinux";
  std::string cgroups = "/sys/fs/cgroup";
};

// Error: the first thing that is missing, and what to do. What cannot be seen (no securityfs) is left to the loader.
[[nodiscard]] Result<> check_kernel(const KernelPlaces& places = {});

}  // namespace holdpoint::kernel
