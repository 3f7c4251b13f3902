// SPDX-License-Identifier: Apache-2.0
#include "doctor/host.hpp"

#include <glob.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>
#include <string_view>

namespace holdpoint::doctor {
namespace {

struct Known {
  const char* pattern;
  const char* what;
};
// Whoever writes to one of these makes somebody else act, mostly as root.
constexpr Known kServices[] = {
    {"run/docker.sock", "Docker"},
    {"run/containerd/containerd.sock", "containerd"},
    {"run/podman/podman.sock", "Podman"},
    {"run/crio/crio.sock", "CRI-O"},
    {"run/buildkit/buildkitd.sock", "BuildKit"},
    {"run/libvirt/libvirt-sock", "libvirt"},
    {"run/libvirt/virtqemud-sock", "libvirt"},
    {"var/lib/lxd/unix.socket", "LXD"},
    {"var/snap/lxd/common/lxd/unix.socket", "LXD"},
    {"var/lib/incus/unix.socket", "Incus"},
};
// These obey every process of the same user.
constexpr Known kPersonal[] = {
    {"tmp/tmux-*/*", "tmux"},
    {"run/screen/S-*/*", "screen"},
    {"tmp/ssh-*/agent.*", "ssh-agent"},
    {"run/user/*/gnupg/S.gpg-agent", "gpg-agent"},
    {"run/user/*/keyring/ssh", "keyring"},
    {"run/user/*/podman/podman.sock", "Podman"},
    {"run/user/*/docker.sock", "Docker"},
    {"run/user/*/systemd/private", "systemd --user"},
    {"run/user/*/bus", "session bus"},
};
// A host with more of a kind is told about the first ones: a list that nobody reads to its end helps nobody.
constexpr std::size_t kMostSockets = 50;
constexpr std::size_t kMostLines = 50;

std::optional<std::string> first_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) return {};
  return line;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::optional<unsigned> number(const std::string& text) {
  if (text.empty() || text.size() > 9 ||
      !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  return static_cast<unsigned>(std::stoul(text));
}

std::optional<std::uint64_t> effective_capabilities(const std::filesystem::path& status) {
  constexpr std::string_view kKey = "CapEff:\t";
  std::ifstream in(status);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(kKey)) continue;
    std::uint64_t found = 0;
    const char* end = line.data() + line.size();
    const auto read = std::from_chars(line.data() + kKey.size(), end, found, 16);
    if (read.ec != std::errc{} || read.ptr != end) return {};
    return found;
  }
  return {};
}

std::vector<Group> read_groups(const std::filesystem::path& file) {
  std::vector<Group> groups;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto fields = split(line, ':');
    const auto gid = fields.size() < 3 ? std::nullopt : number(fields[2]);
    if (gid)
      groups.push_back(
          {fields[0], *gid, fields.size() > 3 ? split(fields[3], ',') : std::vector<std::string>{}});
  }
  return groups;
}

// The group file does not list those whose first group it is: the user's own line names it.
void add_first_groups(const std::filesystem::path& file, std::vector<Group>& groups) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto fields = split(line, ':');
    const auto gid = fields.size() < 4 ? std::nullopt : number(fields[3]);
    const auto group = gid ? std::ranges::find(groups, *gid, &Group::gid) : groups.end();
    if (group == groups.end() || std::ranges::find(group->members, fields[0]) != group->members.end())
      continue;
    group->members.push_back(fields[0]);
  }
}

std::vector<std::string> matching(const std::filesystem::path& pattern) {
  glob_t found{};
  const std::unique_ptr<glob_t, decltype(&::globfree)> owner(&found, ::globfree);
  if (::glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

std::vector<ControlSocket> find_sockets(const std::filesystem::path& top, std::span<const Known> known) {
  std::vector<ControlSocket> sockets;
  for (const auto& [pattern, what] : known) {
    for (const std::string& path : matching(top / pattern)) {
      struct stat status{};
      if (sockets.size() == kMostSockets || ::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
        continue;
      sockets.push_back({"/" + std::filesystem::path(path).lexically_relative(top).string(), what,
                         status.st_uid, status.st_gid, status.st_mode & 07777U});
    }
  }
  return sockets;
}

// Rules of sudo that ask for no password. Not a parser of sudoers: a line that says so is shown as it stands.
std::vector<Line> find_sudo_rules(const std::filesystem::path& top) {
  std::vector<std::string> files = matching(top / "etc/sudoers.d/*");
  files.insert(files.begin(), (top / "etc/sudoers").string());
  std::vector<Line> lines;
  for (const std::string& file : files) {
    std::ifstream in(file);
    std::size_t number = 0;
    for (std::string text; std::getline(in, text) && lines.size() < kMostLines;) {
      ++number;
      const std::size_t begin = text.find_first_not_of(" \t");
      if (begin == std::string::npos || text[begin] == '#') continue;
      if (text.find("NOPASSWD") == std::string::npos && text.find("!authenticate") == std::string::npos)
        continue;
      lines.push_back(
          {"/" + std::filesystem::path(file).lexically_relative(top).string(), number, text.substr(begin)});
    }
  }
  return lines;
}

bool is_cgroup2(const std::filesystem::path& path) {
  struct statfs status{};
  return ::statfs(path.c_str(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

std::string running_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "";
}

}  // namespace

Host look(const Places& places) {
  const std::filesystem::path top = places.top;
  const auto sysctl = top / "proc/sys";
  Host host;
  host.release = places.release.empty() ? running_release() : places.release;
  host.root = ::geteuid() == 0;
  host.capabilities = effective_capabilities(top / "proc/self/status");
  host.security_modules = first_line(top / "sys/kernel/security/lsm");
  host.btf = ::access((top / "sys/kernel/btf/vmlinux").c_str(), F_OK) == 0;
  host.cgroup2 = is_cgroup2(top / "sys/fs/cgroup");
  host.grub = ::access((top / "etc/default/grub").c_str(), F_OK) == 0;
  host.lockdown = first_line(top / "sys/kernel/security/lockdown");
  host.ftrace_enabled = first_line(sysctl / "kernel/ftrace_enabled");
  host.groups = read_groups(top / "etc/group");
  add_first_groups(top / "etc/passwd", host.groups);
  host.services = find_sockets(top, kServices);
  host.personal = find_sockets(top, kPersonal);
  host.sudo_without_password = find_sudo_rules(top);
  return host;
}

}  // namespace holdpoint::doctor
