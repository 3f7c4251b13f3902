// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/examine.hpp"

namespace holdpoint::doctor {
namespace {

using ::testing::HasSubstr;

Host able() {
  Host host;
  host.release = "6.12.1-amd64";
  host.root = true;
  host.capabilities = 0x1ffffffffff;
  host.security_modules = "lockdown,capability,bpf";
  host.btf = host.cgroup2 = host.grub = true;
  host.path_hooks = true;
  host.lockdown = "[none] integrity confidentiality";
  host.ftrace_enabled = "1";
  return host;
}

std::string error_of(const Host& host) {
  const auto checked = check_kernel(host);
  return checked ? "" : checked.error().text();
}

const Finding* find(const std::vector<Finding>& findings, std::string_view subject) {
  for (const Finding& finding : findings) {
    if (finding.subject == subject) return &finding;
  }
  return nullptr;
}

TEST(DoctorKernel, WithEverythingThereNothingIsMissing) {
  EXPECT_EQ(error_of(able()), "");
  for (const Finding& finding : examine_kernel(able()))
    EXPECT_EQ(finding.kind, Kind::good) << finding.subject;
}

TEST(DoctorKernel, OnlyAHostOfWhichEverythingWasSeenIsSaidToBeAble) {
  const auto of = [](const Host& host) { return ability(examine_kernel(host)); };
  EXPECT_EQ(of(able()), Ability::can);
  Host host = able();
  host.security_modules.reset();
  EXPECT_EQ(of(host), Ability::unknown);
  EXPECT_THAT(find(examine_kernel(host), "BPF LSM")->advice, HasSubstr("mount -t securityfs"));
  host.btf = false;
  EXPECT_EQ(of(host), Ability::cannot) << "what is missing counts before what was not seen";
}

TEST(DoctorKernel, WhoMayNotLoadProgramsCannotTell) {
  const auto of = [](bool root, std::optional<std::uint64_t> capabilities) {
    Host host = able();
    host.root = root;
    host.capabilities = capabilities;
    EXPECT_EQ(error_of(host), "") << "the daemon tries, and says what the kernel answers";
    return ability(examine_kernel(host));
  };
  constexpr std::uint64_t kNeeded = 1ULL << 21 | 1ULL << 38 | 1ULL << 39;
  EXPECT_EQ(of(true, kNeeded), Ability::can);
  for (const unsigned lost : {21U, 38U, 39U})
    EXPECT_EQ(of(true, kNeeded & ~(1ULL << lost)), Ability::unknown);
  EXPECT_EQ(of(true, 0xa80425fb), Ability::unknown) << "root in a container of Docker";
  EXPECT_EQ(of(true, {}), Ability::unknown);
  EXPECT_EQ(of(false, kNeeded), Ability::unknown);
}

TEST(DoctorKernel, AListWithoutBpfIsNamedWithTheParameterThatAddsIt) {
  Host host = able();
  host.security_modules = "lockdown,capability,bpfx,yama";
  EXPECT_THAT(error_of(host), HasSubstr("without BPF among its security modules"));
  EXPECT_THAT(error_of(host), HasSubstr("lsm=lockdown,capability,bpfx,yama,bpf to GRUB_CMDLINE_LINUX"));
  host.grub = false;
  EXPECT_THAT(error_of(host), HasSubstr("in your boot loader"));
}

TEST(DoctorKernel, BpfIsFoundAtEachPlaceOfTheList) {
  for (const auto* list : {"bpf", "bpf,yama", "lockdown,bpf,yama", "lockdown,bpf"}) {
    Host host = able();
    host.security_modules = list;
    EXPECT_EQ(error_of(host), "") << list;
  }
}

TEST(DoctorKernel, AListThatCannotBeReadIsLeftToTheLoader) {
  Host host = able();
  host.security_modules.reset();
  EXPECT_EQ(error_of(host), "");
  EXPECT_EQ(find(examine_kernel(host), "BPF LSM")->kind, Kind::unknown);
}

TEST(DoctorKernel, WhatElseIsMissingIsNamed) {
  Host host = able();
  host.btf = false;
  EXPECT_THAT(error_of(host), HasSubstr("built without BTF"));
  host = able();
  host.cgroup2 = false;
  EXPECT_THAT(error_of(host), HasSubstr("not cgroup v2"));
}

TEST(DoctorKernel, AKernelWithoutHooksForNamesOfFilesIsNamedWithItsSetting) {
  Host host = able();
  host.path_hooks = false;
  EXPECT_EQ(ability(examine_kernel(host)), Ability::cannot);
  EXPECT_THAT(error_of(host), HasSubstr("built without CONFIG_SECURITY_PATH"));
  host.path_hooks.reset();
  EXPECT_EQ(ability(examine_kernel(host)), Ability::unknown);
  EXPECT_EQ(error_of(host), "") << "left to the loader";
  host.btf = false;
  EXPECT_EQ(find(examine_kernel(host), "Hooks"), nullptr) << "one cause, one finding";
}

TEST(DoctorKernel, WhatSwitchesAttachedProgramsOffIsMissingToo) {
  Host host = able();
  host.lockdown = "none integrity [confidentiality]";
  EXPECT_THAT(error_of(host), HasSubstr("locked down"));
  host = able();
  host.ftrace_enabled = "0";
  EXPECT_THAT(error_of(host), HasSubstr("ftrace_enabled is 0"));
}

TEST(DoctorKernel, VersionsAreComparedAsNumbers) {
  const auto kind = [](const char* release) {
    Host host = able();
    host.release = release;
    return find(examine_kernel(host), "Kernel")->kind;
  };
  EXPECT_EQ(kind("6.1.0-44-amd64"), Kind::good);
  EXPECT_EQ(kind("5.15.0-1-generic"), Kind::missing);
  EXPECT_EQ(kind("6.0.19"), Kind::missing);
  EXPECT_EQ(kind("6.10.2"), Kind::good);
  EXPECT_EQ(kind("10.0"), Kind::good);
  EXPECT_EQ(kind("linux"), Kind::unknown);
  EXPECT_EQ(kind(""), Kind::unknown);
}

TEST(DoctorKernel, AnUntestedVersionSaysSo) {
  Host host = able();
  host.release = "6.8.0-31-generic";
  EXPECT_THAT(find(examine_kernel(host), "Kernel")->text, HasSubstr("not on this one"));
}

}  // namespace
}  // namespace holdpoint::doctor
