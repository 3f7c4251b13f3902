// SPDX-License-Identifier: Apache-2.0
#include "kernel/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/fd.hpp"

namespace holdpoint::kernel {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostAncestors = 16;
constexpr std::size_t kDeepestTree = 256;  // parents looked at; a deeper tree counts as unrelated

std::string link_target(const std::string& path) {
  std::error_code error;
  const auto target = fs::read_symlink(path, error);
  return error ? std::string() : target.string();
}

int parent_of(int pid) {
  const auto text = read_some(fmt::format("/proc/{}/stat", pid), 1024);
  const auto behind = text.rfind(')');  // the name may hold anything, also brackets
  int parent = 0;
  if (behind == std::string::npos || std::sscanf(text.c_str() + behind, ") %*c %d", &parent) != 1) return 0;
  return parent;
}

}  // namespace

std::string read_some(const std::string& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  std::string text(most, '\0');
  // By the stream's own function: an iterator over its buffer would throw what the stream turns into a bad state.
  in.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

event::Process read_process(int tgid) {
  event::Process process;
  process.pid = tgid;
  process.executable = link_target(fmt::format("/proc/{}/exe", tgid));
  process.directory = link_target(fmt::format("/proc/{}/cwd", tgid));
  for (int pid = parent_of(tgid); pid > 0 && process.ancestors.size() < kMostAncestors;
       pid = parent_of(pid)) {
    auto command = read_some(fmt::format("/proc/{}/cmdline", pid), 4096);
    while (!command.empty() && command.back() == '\0') command.pop_back();
    process.ancestors.push_back({pid, std::move(command)});
  }
  return process;
}

SignalMasks signal_masks(int tgid, int tid) {
  std::ifstream in(fmt::format("/proc/{}/task/{}/status", tgid, tid));
  SignalMasks masks;
  for (std::string line; std::getline(in, line);) {
    (void)std::sscanf(line.c_str(), "SigBlk: %" SCNx64, &masks.blocked);
    (void)std::sscanf(line.c_str(), "SigCgt: %" SCNx64, &masks.caught);
    (void)std::sscanf(line.c_str(), "SigPnd: %" SCNx64, &masks.own);
    (void)std::sscanf(line.c_str(), "ShdPnd: %" SCNx64, &masks.common);
  }
  return masks;
}

bool descends_from(int pid, int ancestor) {
  std::size_t depth = 0;
  for (int parent = parent_of(pid); parent > 0 && depth < kDeepestTree; parent = parent_of(parent), ++depth)
    if (parent == ancestor) return true;
  return false;
}

std::string user_name(unsigned uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

}  // namespace holdpoint::kernel
