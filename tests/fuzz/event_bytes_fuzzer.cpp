// SPDX-License-Identifier: Apache-2.0
// Bytes as the kernel might hand them over, through decoding, texts and masking. First byte: which entry point.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "event/access.hpp"
#include "event/mask.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdpoint::event;
  if (size == 0) return 0;
  auto bytes = std::as_bytes(std::span(data, size));
  const auto which = data[0];
  bytes = bytes.subspan(1);
  const auto show = [](const Access& access) {
    const auto masked = mask(access, {}, {}, {});
    // What was masked is safe: masking it again as stored text changes nothing.
    if (restore_masked(masked.object.text(), masked.object.hidden()) != masked.object) __builtin_trap();
    for (const auto& text : masked.argv)
      if (restore_masked(text.text(), text.hidden()) != text) __builtin_trap();
  };
  if (which % 2 == 0) {
    if (const auto event = decode_event(bytes)) show(event->access);
    return 0;
  }
  std::vector<std::byte> padded(bytes.begin(), bytes.end());
  padded.resize(sizeof(hp_hold) + sizeof(hp_argv));
  const auto all = std::span<const std::byte>(padded);
  if (const auto access = decode_hold(all.first(sizeof(hp_hold)), all.subspan(sizeof(hp_hold))))
    show(*access);
  return 0;
}
