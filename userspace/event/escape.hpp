// SPDX-License-Identifier: Apache-2.0
// Makes bytes that nobody vouches for fit to be read: valid UTF-8, nothing that a terminal acts on, nothing invisible.
#pragma once

#include <string>
#include <string_view>

namespace holdpoint::event {

// What stands in place of a secret. Its first character is escaped wherever it comes from outside, so nobody can fake it.
inline constexpr std::string_view secret_marker = "\u2039secret\u203a";

enum class Escaping {
  raw,     // backslashes are doubled, so that the escapes below mean one thing only
  stored,  // text that was escaped before: backslashes and markers stay; everything else is checked again
};

// Appends `bytes` to `out`: control characters as \n \r \t \xNN, bytes that are not UTF-8 as \xNN, invisible or
// direction-changing characters as \u{HEX}.
void append_escaped(std::string& out, std::string_view bytes, Escaping escaping);

}  // namespace holdpoint::event
