// SPDX-License-Identifier: Apache-2.0
#include "kernel/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
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
constexpr std::size_t kDeepestTree = 256;     // parents looked at; a deeper tree counts as unrelated
constexpr std::size_t kMostFiles = 16;        // a person reads no more; the rest is "content not bound"
constexpr off_t kLargestFile = 16 << 20;      // hashing must stay well below a second
constexpr std::size_t kFirstLines = 400;      // bytes shown of a bound file

std::string link_target(const std::string& path) {
  std::error_code error;
  const auto target = fs::read_symlink(path, error);
  return error ? std::string() : target.string();
}

std::string whole(const std::string& path, std::size_t most) {
  std::ifstream in(path, std::ios::binary);
  std::string text(most, '\0');
  in.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

int parent_of(int pid) {
  const auto text = whole(fmt::format("/proc/{}/stat", pid), 1024);
  const auto behind = text.rfind(')');  // the name may hold anything, also brackets
  int parent = 0;
  if (behind == std::string::npos || std::sscanf(text.c_str() + behind, ") %*c %d", &parent) != 1) return 0;
  return parent;
}

std::string first_lines(std::string text) {
  text.resize(std::min(text.size(), kFirstLines));
  std::size_t end = 0;
  for (int line = 0; line < 5 && end != std::string::npos; ++line) end = text.find('\n', end == 0 ? 0 : end + 1);
  if (end != std::string::npos) text.resize(end);
  return text;
}

std::string hex(const std::array<unsigned char, 32>& bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

event::Process read_process(int tgid) {
  event::Process process;
  process.pid = tgid;
  process.executable = link_target(fmt::format("/proc/{}/exe", tgid));
  process.directory = link_target(fmt::format("/proc/{}/cwd", tgid));
  for (int pid = parent_of(tgid); pid > 0 && process.ancestors.size() < kMostAncestors; pid = parent_of(pid)) {
    auto command = whole(fmt::format("/proc/{}/cmdline", pid), 4096);
    while (!command.empty() && command.back() == '\0') command.pop_back();
    process.ancestors.push_back({pid, std::move(command)});
  }
  return process;
}

std::optional<event::BoundFile> bind_file(int tgid, const std::string& path) {
  const Fd file(::open(fmt::format("/proc/{}/root{}", tgid, path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > kLargestFile)
    return std::nullopt;
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> hash(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free);
  ::EVP_DigestInit_ex(hash.get(), ::EVP_sha256(), nullptr);
  std::array<char, 65536> buffer{};
  std::string head;
  for (ssize_t got = 0; (got = ::read(file.get(), buffer.data(), buffer.size())) != 0;) {
    if (got < 0) return std::nullopt;
    ::EVP_DigestUpdate(hash.get(), buffer.data(), static_cast<std::size_t>(got));
    if (head.size() < kFirstLines) head.append(buffer.data(), std::min<std::size_t>(got, kFirstLines - head.size()));
  }
  std::array<unsigned char, 32> digest{};
  ::EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr);
  return event::BoundFile{path, hex(digest), static_cast<std::uint64_t>(status.st_size), status.st_dev, status.st_ino,
                          first_lines(head)};
}

Bound bind_arguments(const event::Access& access, const event::Process& process) {
  Bound bound;
  for (std::size_t i = 1; i < access.argv.size(); ++i) {
    const auto& argument = access.argv[i];
    if (argument.empty() || argument.size() > 4095 || argument[0] == '-') continue;
    const auto path = argument[0] == '/' ? argument : process.directory + "/" + argument;
    struct stat status {};
    if (::stat(fmt::format("/proc/{}/root{}", process.pid, path).c_str(), &status) != 0 || !S_ISREG(status.st_mode))
      continue;
    auto file = bound.files.size() < kMostFiles ? bind_file(process.pid, path) : std::nullopt;
    if (file)
      bound.files.push_back(std::move(*file));
    else
      bound.complete = false;
  }
  return bound;
}

SignalMasks signal_masks(int tgid, int tid) {
  std::ifstream in(fmt::format("/proc/{}/task/{}/status", tgid, tid));
  SignalMasks masks;
  for (std::string line; std::getline(in, line);) {
    (void)std::sscanf(line.c_str(), "SigBlk: %" SCNx64, &masks.blocked);
    (void)std::sscanf(line.c_str(), "SigCgt: %" SCNx64, &masks.caught);
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
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->pw_name;
  return std::to_string(uid);
}

}  // namespace holdpoint::kernel
