// SPDX-License-Identifier: Apache-2.0
// What /proc says of a held process. It is stopped or frozen, but its siblings may run: values are for people, never for a
// verdict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "event/access.hpp"

namespace holdpoint::kernel {

// The first `most` bytes of a file. What cannot be read is missing: a process may die between the opening of its file and the
// reading, which then fails.
[[nodiscard]] std::string read_some(const std::string& path, std::size_t most);

// Unreadable parts stay empty.
[[nodiscard]] event::Process read_process(int tgid);

// What a thread does with signals, bit N-1 for signal N, and which ones wait to be taken. A thread that is gone has none.
struct SignalMasks {
  std::uint64_t blocked = 0;
  std::uint64_t caught = 0;
  std::uint64_t own = 0;     // sent to this thread
  std::uint64_t common = 0;  // sent to its process
  [[nodiscard]] bool blocks(std::uint32_t signal) const { return (blocked >> (signal - 1)) & 1; }
  [[nodiscard]] bool catches(std::uint32_t signal) const { return (caught >> (signal - 1)) & 1; }
};
[[nodiscard]] SignalMasks signal_masks(int tgid, int tid);

// Whether `ancestor` is a parent of process `pid`, near or far.
[[nodiscard]] bool descends_from(int pid, int ancestor);

// Login name of a uid, or the number.
[[nodiscard]] std::string user_name(unsigned uid);

}  // namespace holdpoint::kernel
