// SPDX-License-Identifier: Apache-2.0
// The files of the log: <directory>/<sequence of the first record, 20 digits>.records, each with a head of 16 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace holdpoint::audit {

inline constexpr std::size_t segment_head = 16;
// "HPRECORD", u32 version (1), u32 zero.
[[nodiscard]] std::string segment_head_bytes();
// Error: another kind of file, or a version that this program does not know. `name` is for the message.
[[nodiscard]] Result<> check_segment_head(std::string_view bytes, const std::string& name);

[[nodiscard]] std::string segment_name(std::uint64_t first_sequence);
// First sequences, ascending. Files with other names are ignored.
[[nodiscard]] Result<std::vector<std::uint64_t>> list_segments(const std::string& directory);

// The directory, with O_NOFOLLOW: a link in its place is somebody else's doing.
[[nodiscard]] Result<Fd> open_directory(const std::string& directory);
// All of [offset, offset + size), or less at the end of the file.
[[nodiscard]] Result<std::string> read_range(int fd, std::uint64_t offset, std::size_t size,
                                             const std::string& name);
[[nodiscard]] Result<> write_all(int fd, std::string_view bytes, const std::string& name);

}  // namespace holdpoint::audit
