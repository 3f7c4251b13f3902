// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <ctime>

namespace holdpoint {

Now SystemClock::now() const {
  timespec boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  const auto wall = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  return Now{wall, BootTime{static_cast<std::uint64_t>(boot.tv_sec) * 1'000'000'000ULL +
                            static_cast<std::uint64_t>(boot.tv_nsec)}};
}

}  // namespace holdpoint
