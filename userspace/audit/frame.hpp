// SPDX-License-Identifier: Apache-2.0
// One record in a segment file: u32 length, u32 CRC-32C over the length's four bytes and the payload, payload. Numbers are
// little endian.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdpoint::audit {

inline constexpr std::size_t frame_head = 8;
// The largest honest record (argv, path and ancestors at their limits, every byte escaped) stays below 2 MiB. More is an
// error to the writer and damage to the reader.
inline constexpr std::size_t payload_max = 4U << 20;

// `payload`: 1 to payload_max bytes.
[[nodiscard]] std::string make_frame(std::string_view payload);

struct Frame {
  enum class State {
    whole,
    cut,      // the bytes end before the frame does
    damaged,  // impossible length or wrong checksum
  } state;
  std::string_view payload;  // whole only
  std::size_t size = 0;      // of the frame; cut: bytes needed as far as known
};
// The frame at the start of `bytes`, which are not empty.
[[nodiscard]] Frame read_frame(std::string_view bytes);

}  // namespace holdpoint::audit
