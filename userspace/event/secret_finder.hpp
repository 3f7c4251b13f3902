// SPDX-License-Identifier: Apache-2.0
// Where in a text secrets stand.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace holdpoint::event {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;  // one past the last byte
};

// Sorted, without overlaps. Arguments of a command are separated by NUL in `text`. Time is linear in the text, whatever
// it holds. Never throws for want of a match; a table that does not compile makes the whole text a secret.
[[nodiscard]] std::vector<Span> find_secrets(std::string_view text);

}  // namespace holdpoint::event
