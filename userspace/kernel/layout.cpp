// SPDX-License-Identifier: Apache-2.0
#include "kernel/layout.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "holdpoint/limits.h"

namespace holdpoint::kernel {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kMark = "layout-";  // and the number; systemd/debian/preinst.in knows it as well

std::string own_mark(const std::string& pins) { return fmt::format("{}/{}{}", pins, kMark, HP_ABI_VERSION); }

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

std::vector<std::string> marks(const std::string& pins) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(pins, ignored))
    if (auto name = entry.path().filename().string(); name.starts_with(kMark))
      found.push_back(std::move(name));
  return found;
}

}  // namespace

Result<> make_pin_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  auto error = fail_errno("cannot make " + path, errno);
  error.error().hint = "is a bpf file system mounted there? mount -t bpf bpf /sys/fs/bpf";
  return error;
}

Result<> check_layout(const std::string& pins) {
  if (!is_there(pins + "/maps/config") || is_there(own_mark(pins))) return {};
  const auto there = marks(pins);
  return fail(
      fmt::format(
          "another version of Holdpoint is in the kernel and goes on enforcing: {} has {}, this program {}{}",
          pins, there.empty() ? "a layout without a number" : there.front(), kMark, HP_ABI_VERSION),
      "install that version again, decide what is held, and take it out with its own holdpointd --unload; "
      "or restart the machine");
}

Result<> mark_layout(const std::string& pins) {
  const auto own = own_mark(pins);
  // Another's, without a map: of a start that died. Beside ours it would let that version touch what we pin.
  for (const auto& mark : marks(pins))
    if (const auto path = fmt::format("{}/{}", pins, mark); path != own && ::rmdir(path.c_str()) != 0)
      return fail_errno("cannot remove " + path, errno);
  return make_pin_directory(own);
}

Result<> remove_pins(const std::string& pins) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (auto entry = fs::directory_iterator(pins, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (!entry->path().filename().string().starts_with(kMark)) entries.push_back(entry->path());
  for (const auto& entry : entries)
    if (!error) fs::remove_all(entry, error);
  if (!error) fs::remove_all(pins, error);
  if (error) return fail_errno("cannot remove " + pins, error.value());
  return {};
}

}  // namespace holdpoint::kernel
