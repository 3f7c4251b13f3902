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

#include "doctor/sockets.hpp"

namespace holdpoint::doctor {
namespace {

// A host with more of a kind is told about the first ones: a list that nobody reads to its end helps nobody.
constexpr std::size_t kMostSockets = 50;  // for each pattern
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
  if (::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

std::vector<ControlSocket> find_sockets(const std::filesystem::path& top,
                                        std::span<const KnownSocket> known) {
  std::vector<ControlSocket> sockets;
  for (const auto& [pattern, what] : known) {
    std::size_t of_pattern = 0;
    for (const std::string& path : matching(top / pattern)) {
      const std::string name = "/" + std::filesystem::path(path).lexically_relative(top).string();
      struct stat status{};
      // The braces may name one twice. libvirt's for readers (-ro) are open to everybody by intent.
      if (of_pattern == kMostSockets || name.ends_with("-ro") ||
          std::ranges::find(sockets, name, &ControlSocket::path) != sockets.end() ||
          ::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode))
        continue;
      sockets.push_back({name, what, status.st_uid, status.st_gid, status.st_mode & 07777U});
      ++of_pattern;
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

// Whether the kernel has the hooks for names of files (CONFIG_SECURITY_PATH). Each hook that a BPF program can be attached to is a
// function in BTF, and the names of these lie among its strings (looked for without the zero before them, of which BTF is full). Absent: there are no such functions, or nothing to read.
std::optional<bool> find_path_hooks(const std::filesystem::path& btf) {
  using namespace std::string_view_literals;
  std::ifstream in(btf, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const auto has = [bytes = text.view()](std::string_view name) { return bytes.contains(name); };
  if (!has("bpf_lsm_file_open\0"sv)) return {};
  return has("bpf_lsm_path_mknod\0"sv);
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

Host look_at_kernel(const Places& places) {
  const std::filesystem::path top = places.top;
  const auto sysctl = top / "proc/sys";
  Host host;
  host.release = places.release.empty() ? running_release() : places.release;
  host.root = ::geteuid() == 0;
  host.capabilities = effective_capabilities(top / "proc/self/status");
  host.security_modules = first_line(top / "sys/kernel/security/lsm");
  host.btf = ::access((top / "sys/kernel/btf/vmlinux").c_str(), F_OK) == 0;
  host.path_hooks = find_path_hooks(top / "sys/kernel/btf/vmlinux");
  host.cgroup2 = is_cgroup2(top / "sys/fs/cgroup");
  host.grub = ::access((top / "etc/default/grub").c_str(), F_OK) == 0;
  host.lockdown = first_line(top / "sys/kernel/security/lockdown");
  host.ftrace_enabled = first_line(sysctl / "kernel/ftrace_enabled");
  return host;
}

Host look(const Places& places) {
  const std::filesystem::path top = places.top;
  Host host = look_at_kernel(places);
  host.groups = read_groups(top / "etc/group");
  add_first_groups(top / "etc/passwd", host.groups);
  host.services = find_sockets(top, kServiceSockets);
  host.personal = find_sockets(top, kPersonalSockets);
  host.sudo_without_password = find_sudo_rules(top);
  return host;
}

}  // namespace holdpoint::doctor
