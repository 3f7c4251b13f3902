// SPDX-License-Identifier: Apache-2.0
// One thing that was looked at on a host, in plain words.
#pragma once

#include <string>
#include <string_view>

namespace holdpoint::doctor {

enum class Kind {
  good,     // as it has to be
  missing,  // without it Holdpoint cannot hold anybody on this host
  door,     // a way round the guard that stands open and that a rule or an administrator has to close
  unknown,  // could not be seen; the text says why
};

[[nodiscard]] constexpr std::string_view word(Kind kind) {
  switch (kind) {
    case Kind::good: return "good";
    case Kind::missing: return "missing";
    case Kind::door: return "door";
    case Kind::unknown: return "unknown";
  }
  return "unknown";
}

struct Finding {
  Kind kind = Kind::unknown;
  std::string subject;  // one or two words, for the first column
  std::string text;     // what is so
  std::string advice;   // what to do next; empty where there is nothing to do
};

}  // namespace holdpoint::doctor
