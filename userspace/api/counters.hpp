// SPDX-License-Identifier: Apache-2.0
// What the API did and refused, by reason. Shown by /v1/health as "api-…". Thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace holdpoint::api {

struct Counters {
  std::uint64_t requests = 0;            // answered
  std::uint64_t refused_full = 0;        // connections over a limit
  std::uint64_t refused_not_member = 0;  // callers outside the group
  std::uint64_t refused_tagged = 0;  // callers that carry an agent's tag: the kernel should have stopped them
  std::uint64_t refused_unknown = 0;  // credentials could not be read
  std::uint64_t malformed = 0;        // not HTTP, or over a size limit
  std::uint64_t slow_clients = 0;     // did not send or take data in time
  std::uint64_t slow_streams = 0;     // stream readers that lagged too far behind
  std::uint64_t accept_failures = 0;  // accept(2) failed, mostly for want of descriptors

  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> named() const {
    return {{"api-requests", requests},
            {"api-refused-full", refused_full},
            {"api-refused-not-member", refused_not_member},
            {"api-refused-tagged", refused_tagged},
            {"api-refused-unknown", refused_unknown},
            {"api-malformed", malformed},
            {"api-slow-clients", slow_clients},
            {"api-slow-streams", slow_streams},
            {"api-accept-failures", accept_failures}};
  }
};

}  // namespace holdpoint::api
