// SPDX-License-Identifier: Apache-2.0
#include "daemon/standing.hpp"

#include <unistd.h>

#include <fstream>

namespace holdpoint::daemon {

Standing look_at_standing(const std::string& pins, const std::string& links) {
  Standing standing;
  std::ifstream("/proc/sys/kernel/ftrace_enabled") >> standing.ftrace;
  standing.armed_mark = ::access((pins + "/armed").c_str(), F_OK) == 0;
  standing.links = ::access(links.c_str(), F_OK) == 0;
  return standing;
}

std::string standing_problem(const Standing& standing, const std::string& pins) {
  if (standing.ftrace == "0")
    return "kernel.ftrace_enabled is 0: the programs are not called, and agents do what they like; sysctl "
           "kernel.ftrace_enabled=1, and look who set it";
  if (!standing.links)
    return "the pins below " + pins +
           " were removed: the guard ends with the daemon, and sessions with it; end the agents' sessions, "
           "restart holdpointd, and look "
           "who removed them";
  if (!standing.armed_mark)
    return pins +
           "/armed was removed: nothing starts in agents.slice any more; restart holdpointd, and look who "
           "removed it";
  return {};
}

}  // namespace holdpoint::daemon
