// SPDX-License-Identifier: Apache-2.0
// Where output goes: how wide it is, whether it takes colours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdpoint::cli {

enum class Colour { plain, bold, dim, red, green, yellow, cyan };

struct Terminal {
  std::optional<std::size_t> width;  // columns; empty: no terminal, lines are as long as they are
  bool colours = false;              // a terminal, NO_COLOR not set, TERM not dumb

  [[nodiscard]] std::string paint(Colour colour, std::string_view text) const;
};

// Of standard output.
[[nodiscard]] Terminal find_terminal();

}  // namespace holdpoint::cli
