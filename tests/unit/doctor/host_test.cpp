// SPDX-License-Identifier: Apache-2.0
// Reading a host that is a directory.
#include "doctor/host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace holdpoint::doctor {
namespace {

class HostFiles : public testing::Test {
 protected:
  HostFiles() {
    std::string name = testing::TempDir() + "hostXXXXXX";
    top = ::mkdtemp(name.data());
  }
  ~HostFiles() override { std::filesystem::remove_all(top); }
  HostFiles(const HostFiles&) = delete;
  HostFiles& operator=(const HostFiles&) = delete;

  void write(const char* path, const char* text) const {
    std::filesystem::create_directories((top / path).parent_path());
    std::ofstream(top / path) << text;
  }
  // A socket below a path that may be longer than an address holds: bound from its own directory.
  void make_socket(const char* path, unsigned mode) const {
    std::filesystem::create_directories((top / path).parent_path());
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path((top / path).parent_path());
    const int made = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, std::filesystem::path(path).filename().c_str(),
                 sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0)
        << std::strerror(errno);
    ::close(made);
    std::filesystem::current_path(before);
    std::filesystem::permissions(top / path, static_cast<std::filesystem::perms>(mode));
  }
  [[nodiscard]] Host look_here() const { return look({top, "6.1.0"}); }

  std::filesystem::path top;
};

TEST_F(HostFiles, WhatIsNotThereIsAbsent) {
  const Host host = look_here();
  EXPECT_EQ(host.release, "6.1.0");
  EXPECT_FALSE(host.security_modules);
  EXPECT_FALSE(host.btf);
  EXPECT_FALSE(host.cgroup2);
  EXPECT_FALSE(host.ftrace_enabled);
  EXPECT_TRUE(host.groups.empty());
  EXPECT_TRUE(host.services.empty());
  EXPECT_TRUE(host.sudo_without_password.empty());
}

TEST_F(HostFiles, FactsAreReadFromTheirPlaces) {
  write("sys/kernel/security/lsm", "lockdown,bpf\n");
  write("sys/kernel/btf/vmlinux", "");
  write("proc/sys/kernel/ftrace_enabled", "0\n");
  write("etc/default/grub", "");
  write("proc/self/status", "Name:\tx\nCapPrm:\t0000000000000001\nCapEff:\t000000c000200000\n");
  const Host host = look_here();
  EXPECT_EQ(host.security_modules, "lockdown,bpf");
  EXPECT_TRUE(host.btf);
  EXPECT_TRUE(host.grub);
  EXPECT_EQ(host.ftrace_enabled, "0");
  EXPECT_EQ(host.capabilities, 0xc000200000);
}

TEST_F(HostFiles, HooksAreFoundByWholeNamesInBtf) {
  const auto hooks = [this](std::string_view strings) {
    write("sys/kernel/btf/vmlinux", "");
    std::ofstream(top / "sys/kernel/btf/vmlinux") << strings;
    return look_here().path_hooks;
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(hooks("\0bpf_lsm_file_open\0bpf_lsm_path_mknod\0"sv), true);
  EXPECT_EQ(hooks("\0bpf_lsm_file_open\0bpf_lsm_path_mknod_x\0security_path_mknod\0"sv), false);
  EXPECT_EQ(hooks("\0security_file_open\0"sv), std::nullopt) << "no BPF LSM in it: another finding";
  EXPECT_EQ(hooks(""), std::nullopt);
}

TEST_F(HostFiles, CapabilitiesThatAreNoNumberAreAbsent) {
  for (const char* text : {"CapEff:\t12x4\n", "CapEff:\t\n", "CapEff:\t11112222333344445\n", ""}) {
    write("proc/self/status", text);
    EXPECT_FALSE(look_here().capabilities) << text;
  }
}

TEST_F(HostFiles, ABrokenGroupFileGivesTheLinesThatAreWhole) {
  write("etc/group", "docker:x:998:ada,bob\nbroken\nhuge:x:99999999999:eve\nno:x::\nempty:x:5:\n");
  const auto groups = look_here().groups;
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].name, "docker");
  EXPECT_EQ(groups[0].gid, 998U);
  EXPECT_THAT(groups[0].members, testing::ElementsAre("ada", "bob"));
  EXPECT_TRUE(groups[1].members.empty());
}

TEST_F(HostFiles, WhoseFirstGroupItIsIsAMemberToo) {
  write("etc/group", "docker:x:998:ada,bob\naudio:x:29:\n");
  write("etc/passwd",
        "carl:x:1003:998::/home/carl:/bin/sh\nbob:x:1002:998::/home/bob:/bin/sh\nbroken:x:998\n"
        "huge:x:1004:99999999999::/:/bin/sh\neve:x:1005:7::/:/bin/sh\n");
  const auto groups = look_here().groups;
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_THAT(groups[0].members, testing::ElementsAre("ada", "bob", "carl")) << "each of them once";
  EXPECT_TRUE(groups[1].members.empty());
}

TEST_F(HostFiles, ControlSocketsAreFoundAndFilesOfTheirNameAreNot) {
  make_socket("run/libvirt/libvirt-sock-ro", 0666);
  make_socket("run/docker.sock", 0660);
  make_socket("tmp/tmux-1000/default", 0700);
  write("run/containerd/containerd.sock", "no socket");
  const Host host = look_here();
  ASSERT_EQ(host.services.size(), 1U);
  EXPECT_EQ(host.services[0].path, "/run/docker.sock");
  EXPECT_EQ(host.services[0].mode, 0660U);
  ASSERT_EQ(host.personal.size(), 1U);
  EXPECT_EQ(host.personal[0].path, "/tmp/tmux-1000/default");
}

TEST_F(HostFiles, ASocketThatTwoPatternsMeanIsToldOnceAndManyOfAKindHideNoOther) {
  make_socket("run/user/1000/docker.sock", 0660);
  make_socket("home/u/.cache/git/credential/socket", 0600);
  for (int i = 0; i < 60; ++i) make_socket(("tmp/tmux-1000/s" + std::to_string(i)).c_str(), 0700);
  const auto personal = look_here().personal;
  ASSERT_EQ(personal.size(), 52U);
  EXPECT_EQ(personal[50].what, "git's cache of passwords");
  EXPECT_EQ(personal[51].path, "/run/user/1000/docker.sock");
}

TEST_F(HostFiles, RulesOfSudoWithoutAPasswordAreFoundWithTheirLine) {
  write("etc/sudoers", "# x NOPASSWD\nroot ALL=(ALL:ALL) ALL\n");
  write("etc/sudoers.d/ci", "\n  ada ALL=(ALL) NOPASSWD: ALL\nDefaults:bob !authenticate\n");
  const auto lines = look_here().sudo_without_password;
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].file, "/etc/sudoers.d/ci");
  EXPECT_EQ(lines[0].number, 2U);
  EXPECT_EQ(lines[0].text, "ada ALL=(ALL) NOPASSWD: ALL");
}

}  // namespace
}  // namespace holdpoint::doctor
