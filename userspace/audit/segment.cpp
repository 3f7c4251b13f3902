// SPDX-License-Identifier: Apache-2.0
#include "audit/segment.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace holdpoint::audit {
namespace {

constexpr std::string_view magic = "HPRECORD";
constexpr std::string_view suffix = ".records";
constexpr std::size_t digits = 20;

}  // namespace

std::string segment_head_bytes() {
  std::string head(magic);
  head += '\1';
  head.resize(segment_head, '\0');
  return head;
}

Result<> check_segment_head(std::string_view bytes, const std::string& name) {
  if (bytes == segment_head_bytes()) return {};
  if (!bytes.starts_with(magic))
    return fail(name + ": not a Holdpoint record file", "move it out of the records directory");
  return fail(name + ": written by a newer version of Holdpoint",
              "use that version, or another state directory");
}

std::string segment_name(std::uint64_t first_sequence) {
  return fmt::format("{:020}{}", first_sequence, suffix);
}

Result<std::vector<std::uint64_t>> list_segments(const std::string& directory) {
  std::vector<std::uint64_t> firsts;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename();
    if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) continue;
    std::uint64_t first = 0;
    const auto [end, problem] = std::from_chars(name.data(), name.data() + digits, first);
    if (problem == std::errc() && end == name.data() + digits && first != 0) firsts.push_back(first);
  }
  if (error) return fail_errno(directory, error.value());
  std::ranges::sort(firsts);
  return firsts;
}

Result<Fd> open_directory(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(directory, errno);
  return fd;
}

Result<std::string> read_range(int fd, std::uint64_t offset, std::size_t size, const std::string& name) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto n = ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(name, errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

Result<> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace holdpoint::audit
