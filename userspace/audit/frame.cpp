// SPDX-License-Identifier: Apache-2.0
#include "audit/frame.hpp"

#include <cstdint>

#include "audit/crc32c.hpp"

namespace holdpoint::audit {
namespace {

void append_u32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

}  // namespace

std::string make_frame(std::string_view payload) {
  std::string frame;
  frame.reserve(frame_head + payload.size());
  append_u32(frame, static_cast<std::uint32_t>(payload.size()));
  append_u32(frame, crc32c(payload, crc32c(frame)));
  frame += payload;
  return frame;
}

Frame read_frame(std::string_view bytes) {
  using enum Frame::State;
  if (bytes.size() < frame_head) return {cut, {}, frame_head};
  const std::size_t length = get_u32(bytes);
  if (length == 0 || length > payload_max) return {damaged, {}, 0};
  if (bytes.size() - frame_head < length) return {cut, {}, frame_head + length};
  const auto payload = bytes.substr(frame_head, length);
  if (crc32c(payload, crc32c(bytes.substr(0, 4))) != get_u32(bytes.substr(4))) return {damaged, {}, 0};
  return {whole, payload, frame_head + length};
}

}  // namespace holdpoint::audit
