// SPDX-License-Identifier: Apache-2.0
#include "cli/page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {
constexpr std::size_t label_width = 12;  // with the indent of two and the gap
constexpr std::size_t usual_room = 100;  // without a terminal
}  // namespace

std::size_t Page::room() const { return terminal_.width ? *terminal_.width - label_width : usual_room; }

void Page::add(std::string_view label, std::string_view value, Colour colour, std::size_t indent) {
  if (value.empty()) return;
  indent = std::min(indent, room() / 2);
  // Without a terminal a value stays on its line, for those who grep.
  const auto lines =
      terminal_.width ? wrap(value, room() - indent) : std::vector<std::string>{std::string(value)};
  bool first = true;
  for (const auto& piece : lines) {
    text_ += terminal_.paint(Colour::dim, fmt::format("  {:<{}}", first ? label : "", label_width - 2));
    text_ += std::string(indent, ' ');
    text_ += terminal_.paint(colour, piece) + "\n";
    first = false;
  }
}

}  // namespace holdpoint::cli
