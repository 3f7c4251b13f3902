// SPDX-License-Identifier: Apache-2.0
// Time as a value that is handed in, so that tests set it. Two clocks: wall time is what people read and what lasts over
// a reboot; boot time (CLOCK_BOOTTIME) is what deadlines inside the kernel are measured with, since nobody can set it.
#pragma once

#include <chrono>
#include <cstdint>

namespace holdpoint {

using Duration = std::chrono::nanoseconds;
// Since the Unix epoch, UTC.
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

struct BootTime {
  std::uint64_t nanoseconds = 0;  // CLOCK_BOOTTIME
  friend auto operator<=>(const BootTime&, const BootTime&) = default;
};

struct Now {
  WallTime wall;
  BootTime boot;
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Now now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override;
};

}  // namespace holdpoint
