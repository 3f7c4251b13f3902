// SPDX-License-Identifier: Apache-2.0
// What the process returns. Documented in holdpoint.1; scripts depend on it.
#pragma once

#include <string>

namespace holdpoint::cli {

enum class Exit : int {
  ok = 0,
  refused = 1,      // the daemon said no, or the request waited for was not approved
  usage = 2,        // the command line is wrong
  unreachable = 3,  // no daemon answers
  not_allowed = 4,  // this caller may not do that
  not_found = 5,    // no such request, session, agent
  not_open = 6,     // the request is no longer open
  timed_out = 7,
  not_stored = 8,        // the daemon could not store it (disk full?); nothing has changed
  cannot_tell = 9,       // `doctor` could not see enough to say whether this host can
  run_failed = 125,      // `run` only: the command was not started, for whatever reason above
  cannot_execute = 126,  // `run` only: found, but could not be executed
  no_command = 127,      // `run` only: not found
};

// What went wrong and what to do next.
struct Failure {
  Exit exit = Exit::refused;
  std::string message;
  std::string hint;
  unsigned status = 0;    // of the daemon's answer; 0: there was none
  std::string code = {};  // of its problem
};

}  // namespace holdpoint::cli
