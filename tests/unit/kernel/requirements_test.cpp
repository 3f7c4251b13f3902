// SPDX-License-Identifier: Apache-2.0
#include "kernel/requirements.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace holdpoint::kernel {
namespace {

using ::testing::HasSubstr;

// /proc is no cgroup file system, and has files; what is asked before the cgroups is there.
KernelPlaces places(const std::string& modules) {
  const auto file = std::filesystem::path(::testing::TempDir()) / "holdpoint-lsm";
  std::ofstream(file) << modules;
  return {file.string(), "/proc/self/status", "/proc"};
}

std::string error_of(const KernelPlaces& where) {
  const auto checked = check_kernel(where);
  return checked ? "" : checked.error().text();
}

TEST(Requirements, a_list_without_bpf_is_named_with_the_parameter_that_adds_it) {
  const auto text = error_of(places("lockdown,capability,bpfx,yama\n"));
  EXPECT_THAT(text, HasSubstr("without BPF among its security modules"));
  EXPECT_THAT(text, HasSubstr("lsm=lockdown,capability,bpfx,yama,bpf "));
}

TEST(Requirements, bpf_is_found_at_each_place_of_the_list) {
  for (const auto* list : {"bpf", "bpf,yama", "lockdown,bpf,yama", "lockdown,bpf\n"})
    EXPECT_THAT(error_of(places(list)), HasSubstr("/proc is not cgroup v2")) << list;
}

TEST(Requirements, a_list_that_cannot_be_read_is_left_to_the_loader) {
  auto where = places("");
  where.security_modules = "/nowhere/lsm";
  EXPECT_THAT(error_of(where), HasSubstr("not cgroup v2"));
}

TEST(Requirements, a_kernel_without_btf_is_named) {
  auto where = places("bpf");
  where.btf = "/nowhere/vmlinux";
  EXPECT_THAT(error_of(where), HasSubstr("built without BTF"));
}

}  // namespace
}  // namespace holdpoint::kernel
