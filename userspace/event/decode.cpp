// SPDX-License-Identifier: Apache-2.0
// Bytes from the kernel's maps and rings to values. The bytes come from our own programs, yet nothing here believes a
// length, count or enum in them: a map of another version or a torn read must become an error, not a crash.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "event/access.hpp"

namespace holdpoint::event {
namespace {

constexpr std::size_t event_head = offsetof(hp_event, path);

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
T copy_of(std::span<const std::byte> bytes, std::size_t offset = 0) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

Result<> check_fixed(const hp_access& fixed) {
  if (fixed.identity.kind > HP_OBJECT_UNIX_ABSTRACT)
    return fail(fmt::format("access: unknown object kind {}", fixed.identity.kind));
  if (fixed.identity.operations >> HP_OP_COUNT != 0)
    return fail(fmt::format("access: unknown operations {:#x}", fixed.identity.operations));
  if (fixed.verdict > HP_DENY) return fail(fmt::format("access: unknown verdict {}", fixed.verdict));
  if (fixed.path_length > HP_PATH_MAX)
    return fail(fmt::format("access: path of {} bytes, at most {}", fixed.path_length, HP_PATH_MAX));
  if (fixed.identity.call >= HP_CALL_COUNT)
    return fail(fmt::format("access: unknown call {}", fixed.identity.call));
  if (fixed.identity.second > fixed.path_length)
    return fail(
        fmt::format("access: a second path at {} of {} bytes", fixed.identity.second, fixed.path_length));
  return {};
}

// Names of abstract sockets may hold NUL; a path cannot, but may bring the one that ends it.
Result<std::string> decode_path(const hp_access& fixed, std::string_view bytes) {
  if (fixed.identity.kind == HP_OBJECT_UNIX_ABSTRACT) return std::string(bytes);
  if (bytes.ends_with('\0')) bytes.remove_suffix(1);
  if (bytes.find('\0') != std::string_view::npos) return fail("access: a path with a NUL inside");
  return std::string(bytes);
}

struct Arguments {
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

Result<std::vector<std::string>> split_strings(std::string_view bytes, std::uint32_t count, bool cut) {
  std::vector<std::string> argv;
  while (!bytes.empty()) {
    const auto end = bytes.find('\0');
    if (end == std::string_view::npos && !cut) return fail("argv: the last argument does not end");
    argv.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
  if (argv.size() != count && !cut)
    return fail(fmt::format("argv: {} arguments announced, {} found", count, argv.size()));
  return argv;
}

Result<Arguments> decode_arguments(const hp_access& fixed, std::span<const std::byte> bytes) {
  const bool cut = (fixed.flags & HP_ACCESS_ARGV_CUT) != 0;
  if (bytes.empty()) {
    if (fixed.argv_length != 0 && !cut) return fail("argv: announced but missing");
    return Arguments{};
  }
  if (bytes.size() != sizeof(hp_argv))
    return fail(fmt::format("argv: {} bytes, expected {}", bytes.size(), sizeof(hp_argv)));
  const auto length = copy_of<std::uint32_t>(bytes, offsetof(hp_argv, length));
  const auto count = copy_of<std::uint32_t>(bytes, offsetof(hp_argv, count));
  if (length > HP_ARGV_MAX) return fail(fmt::format("argv: length {}, at most {}", length, HP_ARGV_MAX));
  const auto behind = copy_of<std::uint32_t>(bytes, offsetof(hp_argv, environment_length));
  const auto variables = copy_of<std::uint32_t>(bytes, offsetof(hp_argv, environment_count));
  if (behind > length) return fail(fmt::format("argv: {} bytes of environment in {}", behind, length));
  const auto front = length - behind;
  if ((front != fixed.argv_length || behind != fixed.environment_length) && !cut)
    return fail(fmt::format("argv: lengths {} and {}, but the access says {} and {}", front, behind,
                            fixed.argv_length, fixed.environment_length));
  const auto text = as_text(bytes.subspan(offsetof(hp_argv, bytes), length));
  auto argv = split_strings(text.substr(0, front), count, cut);
  if (!argv) return std::unexpected(argv.error());
  auto environment = split_strings(text.substr(front), variables, cut);
  if (!environment) return std::unexpected(environment.error());
  return Arguments{*std::move(argv), *std::move(environment)};
}

Result<Access> decode_access(const hp_access& fixed, std::string_view path_bytes) {
  std::string second;
  if (const auto at = fixed.identity.second; at != 0) {
    auto behind = decode_path(fixed, path_bytes.substr(at));
    if (!behind) return std::unexpected(behind.error());
    second = *std::move(behind);
    path_bytes = path_bytes.substr(0, at);
  }
  auto path = decode_path(fixed, path_bytes);
  if (!path) return std::unexpected(path.error());
  return Access{fixed, *std::move(path), std::move(second), {}, {}};
}

}  // namespace

Result<Access> decode_hold(std::span<const std::byte> hold, std::span<const std::byte> arguments) {
  if (hold.size() != sizeof(hp_hold))
    return fail(fmt::format("hold: {} bytes, expected {}", hold.size(), sizeof(hp_hold)));
  const auto fixed = copy_of<hp_access>(hold, offsetof(hp_hold, access));
  if (auto checked = check_fixed(fixed); !checked) return std::unexpected(checked.error());
  if (fixed.identity.operations == 0) return fail("hold: no operation");
  auto access = decode_access(fixed, as_text(hold.subspan(offsetof(hp_hold, path), fixed.path_length)));
  if (!access) return access;
  auto decoded = decode_arguments(fixed, arguments);
  if (!decoded) return std::unexpected(decoded.error());
  access->argv = std::move(decoded->argv);
  access->environment = std::move(decoded->environment);
  return access;
}

Result<Event> decode_event(std::span<const std::byte> record) {
  if (record.size() < event_head)
    return fail(fmt::format("event: {} bytes, at least {}", record.size(), event_head));
  const auto kind = copy_of<std::uint32_t>(record, offsetof(hp_event, kind));
  const auto length = copy_of<std::uint32_t>(record, offsetof(hp_event, length));
  if (kind < HP_EVENT_DENIED || kind > HP_EVENT_OBSERVED)
    return fail(fmt::format("event: unknown kind {}", kind));
  if (length < event_head || length > record.size())
    return fail(fmt::format("event: length {} in a record of {} bytes", length, record.size()));
  const auto fixed = copy_of<hp_access>(record, offsetof(hp_event, access));
  if (auto checked = check_fixed(fixed); !checked) return std::unexpected(checked.error());
  if (fixed.path_length > length - event_head)
    return fail(fmt::format("event: path of {} bytes in {}", fixed.path_length, length - event_head));
  auto access = decode_access(fixed, as_text(record.subspan(event_head, fixed.path_length)));
  if (!access) return std::unexpected(access.error());
  return Event{static_cast<hp_event_kind>(kind), *std::move(access)};
}

}  // namespace holdpoint::event
