// SPDX-License-Identifier: Apache-2.0
#include "kernel/arguments.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <span>
#include <string_view>

namespace holdpoint::kernel {
namespace {

constexpr int kResolutions =
    8;  // somebody renames directories all the time: then it is nothing that can be shown

// Their arguments are programs, or read by such. Names without their version.
constexpr std::array<std::string_view, 33> kInterpreters = {
    "sh",      "bash",   "rbash",  "dash", "ash",    "ksh",  "mksh", "zsh",    "fish",  "csh",     "tcsh",
    "busybox", "toybox", "python", "pypy", "perl",   "ruby", "node", "nodejs", "deno",  "bun",     "php",
    "lua",     "luajit", "tclsh",  "wish", "expect", "awk",  "gawk", "mawk",   "julia", "Rscript", "guile"};
constexpr std::array<std::string_view, 11> kShells = {"sh",   "bash", "rbash", "dash", "ash", "ksh",
                                                      "mksh", "zsh",  "fish",  "csh",  "tcsh"};

bool is_among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// "/usr/bin/python3.13" is python.
std::string_view program_name(std::string_view program) {
  program.remove_prefix(program.find_last_of('/') + 1);
  const auto letter = [](char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); };
  const auto end = std::ranges::find_if_not(program, letter);
  return program.substr(0, static_cast<std::size_t>(end - program.begin()));
}

// The first option says that the next argument is the program's text. Only where nothing else can be meant by it.
bool has_inline_text(std::string_view name, const std::vector<std::string>& argv) {
  if (argv.size() < 3) return false;
  const std::string_view option = argv[1];
  if (is_among(kShells, name))
    return option.size() > 1 && option[0] == '-' && option.contains('c') &&
           option.find_first_not_of("cleuxi", 1) == std::string_view::npos;
  if (name == "python" || name == "pypy") return option == "-c";
  return (name == "perl" || name == "ruby" || name == "node" || name == "nodejs") && option == "-e";
}

Fd open_root(int tgid) {
  return Fd(::open(fmt::format("/proc/{}/root", tgid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// Without a look at its content. Links that lead out of the process's root lead to its root, and those of procfs, which would
// be the daemon's own, nowhere.
Fd look_at(const Fd& root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0; attempt < kResolutions; ++attempt) {
    Fd found(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof(how))));
    if (found || errno != EAGAIN) return found;
  }
  return Fd();
}

}  // namespace

NamedFile open_named(int tgid, const std::string& path) {
  const auto root = open_root(tgid);
  if (!root || is_own_descriptor(path)) return {Named::other, Fd()};
  const auto found = look_at(root, path);
  if (!found) {
    const int error = errno;
    if (error == ENAMETOOLONG) return {Named::impossible, Fd()};
    return {error == ENOENT || error == ENOTDIR ? Named::absent : Named::other, Fd()};
  }
  struct stat status{};
  struct statfs system{};
  if (::fstat(found.get(), &status) != 0 || ::fstatfs(found.get(), &system) != 0) return {Named::other, Fd()};
  if (S_ISDIR(status.st_mode)) return {Named::directory, Fd()};
  if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)) return {Named::directory, Fd()};
  // A file without a name has no content that anybody could come back to.
  if (!S_ISREG(status.st_mode) || status.st_nlink == 0 || system.f_type == PROC_SUPER_MAGIC)
    return {Named::other, Fd()};
  Fd file(::open(fmt::format("/proc/self/fd/{}", found.get()).c_str(),
                 O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return {Named::other, Fd()};
  return {Named::regular, std::move(file)};
}

bool is_own_descriptor(const std::string& path) {
  const auto plain = std::filesystem::path(path).lexically_normal().string();
  constexpr std::array<std::string_view, 4> kPlaces = {"/proc/self/", "/proc/thread-self/", "/dev/fd/",
                                                       "/dev/std"};
  return std::ranges::any_of(kPlaces, [&](std::string_view place) { return plain.starts_with(place); });
}

Input may_be_input(const std::string& program, const std::vector<std::string>& argv, std::size_t index,
                   Named now) {
  if (now == Named::regular || now == Named::impossible) return Input::no;
  const auto name = program_name(program);
  const bool interprets = is_among(kInterpreters, name);
  const bool has_text = interprets && has_inline_text(name, argv);
  if (interprets && !has_text) return Input::program;
  if (has_text && index == 2) return Input::no;
  // Others that are given a directory take it for one.
  if (now == Named::directory || argv[index].find_first_of("/.") == std::string::npos) return Input::no;
  return Input::perhaps;
}

}  // namespace holdpoint::kernel
