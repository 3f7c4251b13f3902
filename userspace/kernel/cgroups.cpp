// SPDX-License-Identifier: Apache-2.0
#include "kernel/cgroups.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/fd.hpp"

namespace holdpoint::kernel {
namespace fs = std::filesystem;

namespace {

constexpr const char* kUntagged = "trusted.holdpoint.untagged";

// A cgroup's file handle is its id (kernfs, FILEID_KERNFS), so the kernel finds the directory for us.
// `file_handle` ends in an array of no stated length, so the bytes that follow it are ours to set aside.
struct Handle {
  alignas(file_handle) std::array<std::byte, sizeof(file_handle) + sizeof(std::uint64_t)> bytes{};
  [[nodiscard]] file_handle* head() { return reinterpret_cast<file_handle*>(bytes.data()); }
};
constexpr int kFileIdKernfs = 0xfe;

Result<std::string> cgroup_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with("0::")) return line.substr(3);
  return fail("no cgroup v2 entry in " + file,
              "the process may be gone; holdpoint needs the unified cgroup hierarchy");
}

// All directories first, each read to its end: cgroups come and go meanwhile, and one that vanished must not end the search for
// the others.
void directories_below(const std::string& top, std::vector<std::string>& found) {
  const auto begin = found.size();
  std::error_code error;
  for (auto entry = fs::directory_iterator(top, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code gone;
    if (entry->is_directory(gone) && !entry->is_symlink(gone)) found.push_back(entry->path().string());
  }
  const auto end = found.size();
  for (auto at = begin; at < end; ++at) directories_below(std::string(found[at]), found);
}

std::vector<int> numbers_in(const std::string& file) {
  std::ifstream in(file);
  return {std::istream_iterator<int>(in), {}};
}

}  // namespace

Result<std::uint64_t> Cgroups::id_of(const std::string& path) const {
  struct stat status{};
  if (::stat((mount_ + path).c_str(), &status) != 0) return fail_errno("no cgroup " + path, errno);
  return status.st_ino;
}

std::optional<std::string> Cgroups::path_of(std::uint64_t id) const {
  const Fd root(::open(mount_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Handle handle;
  handle.head()->handle_bytes = sizeof(id);
  handle.head()->handle_type = kFileIdKernfs;
  std::memcpy(handle.head()->f_handle, &id, sizeof(id));
  const Fd found(::open_by_handle_at(root.get(), handle.head(), O_PATH | O_CLOEXEC));
  if (!found) return std::nullopt;
  char target[4096];
  const auto length =
      ::readlink(fmt::format("/proc/self/fd/{}", found.get()).c_str(), target, sizeof(target));
  if (length <= 0) return std::nullopt;
  const std::string full(target, static_cast<std::size_t>(length));
  if (!full.starts_with(mount_) || full.ends_with(" (deleted)")) return std::nullopt;
  return full.size() == mount_.size() ? "/" : full.substr(mount_.size());
}

Result<std::string> Cgroups::of_process(int pid) const {
  return cgroup_line(fmt::format("/proc/{}/cgroup", pid));
}
Result<std::string> Cgroups::of_thread(int tgid, int tid) const {
  return cgroup_line(fmt::format("/proc/{}/task/{}/cgroup", tgid, tid));
}

std::vector<int> Cgroups::processes_in(const std::string& path) const {
  return numbers_in(mount_ + path + "/cgroup.procs");
}
std::vector<int> Cgroups::threads_in(const std::string& path) const {
  return numbers_in(mount_ + path + "/cgroup.threads");
}

std::optional<std::string> Cgroups::mark_of(const std::string& path) const {
  char value[64];
  const auto length = ::getxattr((mount_ + path).c_str(), "user.holdpoint.agent", value, sizeof(value));
  if (length <= 0) return std::nullopt;
  return std::string(value, static_cast<std::size_t>(length));
}

bool Cgroups::is_untagged(const std::string& path) const {
  return ::getxattr((mount_ + path).c_str(), kUntagged, nullptr, 0) >= 0;
}

Result<> Cgroups::set_untagged(const std::string& path, bool untagged) const {
  const auto name = mount_ + path;
  if (untagged && ::setxattr(name.c_str(), kUntagged, "1", 1, 0) != 0)
    return fail_errno("cannot mark " + name + " as untagged", errno);
  if (!untagged && ::removexattr(name.c_str(), kUntagged) != 0 && errno != ENODATA)
    return fail_errno("cannot take the mark \"untagged\" from " + name, errno);
  return {};
}

void Cgroups::walk(const std::function<void(const std::string&, std::uint64_t)>& visit) const {
  std::vector<std::string> found;
  directories_below(mount_, found);
  for (const auto& directory : found)
    if (const auto path = directory.substr(mount_.size()); const auto id = id_of(path)) visit(path, *id);
}

Result<> Cgroups::make(const std::string& path) const {
  std::string made = mount_;
  for (const auto& part : fs::path(path).relative_path()) {
    made += "/" + part.string();
    if (::mkdir(made.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno("cannot make cgroup " + path, errno);
  }
  return {};
}

Result<> Cgroups::remove(const std::string& path) const {
  if (::rmdir((mount_ + path).c_str()) != 0 && errno != ENOENT)
    return fail_errno("cannot remove cgroup " + path, errno);
  return {};
}

bool Cgroups::is_frozen(const std::string& path) const {
  std::ifstream in(mount_ + path + "/cgroup.freeze");
  int frozen = 0;
  return (in >> frozen) && frozen != 0;
}

Result<> Cgroups::write(const std::string& path, const std::string& file, const std::string& value) const {
  const auto name = mount_ + path + "/" + file;
  const Fd out(::open(name.c_str(), O_WRONLY | O_CLOEXEC));
  if (!out) return fail_errno("cannot open " + name, errno);
  if (::write(out.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return fail_errno(fmt::format("cannot write \"{}\" to {}", value, name), errno);
  return {};
}

Result<> Cgroups::move_process(const std::string& path, int pid) const {
  return write(path, "cgroup.procs", std::to_string(pid));
}
Result<> Cgroups::move_thread(const std::string& path, int tid) const {
  return write(path, "cgroup.threads", std::to_string(tid));
}
bool Cgroups::exists(const std::string& path) const { return ::access((mount_ + path).c_str(), F_OK) == 0; }

}  // namespace holdpoint::kernel
