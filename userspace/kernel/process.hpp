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

// Unreadable parts stay empty.
[[nodiscard]] event::Process read_process(int tgid);

// Resolves the arguments of a held exec that name existing regular files, and hashes them; what an interpreter will read.
// At most 16 files of at most 16 MiB each; `complete` is false when one had to be left out or is still being written.
struct Bound {
  std::vector<event::BoundFile> files;
  bool complete = true;
};
[[nodiscard]] Bound bind_arguments(const event::Access& access, const event::Process& process);

// SHA-256 of a file reached through the process's own root; nullopt when unreadable, irregular or larger than 16 MiB.
[[nodiscard]] std::optional<event::BoundFile> bind_file(int tgid, const std::string& path);

// What a thread does with signals, bit N-1 for signal N. A thread that is gone blocks and catches none.
struct SignalMasks {
  std::uint64_t blocked = 0;
  std::uint64_t caught = 0;
  [[nodiscard]] bool blocks(std::uint32_t signal) const { return (blocked >> (signal - 1)) & 1; }
  [[nodiscard]] bool catches(std::uint32_t signal) const { return (caught >> (signal - 1)) & 1; }
};
[[nodiscard]] SignalMasks signal_masks(int tgid, int tid);

// Whether `ancestor` is a parent of process `pid`, near or far.
[[nodiscard]] bool descends_from(int pid, int ancestor);

// Login name of a uid, or the number.
[[nodiscard]] std::string user_name(unsigned uid);

}  // namespace holdpoint::kernel
