// SPDX-License-Identifier: Apache-2.0
#include "cli/table.hpp"

#include <algorithm>

#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::size_t gap = 2;          // columns between cells
constexpr std::size_t least_last = 24;  // narrower, the last column is unreadable beside the others
constexpr std::size_t own_line_indent = 4;

void put(std::string& out, const Terminal& terminal, const Cell& cell, std::size_t width) {
  out += terminal.paint(cell.colour, cell.text);
  out.append(width - std::min(width, display_width(cell.text)), ' ');
}

void end_line(std::string& out) {
  while (out.ends_with(' ')) out.pop_back();
  out += '\n';
}

}  // namespace

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t widest = display_width(headings_[column]);
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[column].text));
    widths.push_back(widest);
  }
  return widths;
}

std::string Table::draw(const Terminal& terminal) const {
  const auto width = widths();
  const std::size_t last = headings_.size() - 1;
  std::size_t indent = 0;
  for (std::size_t column = 0; column < last; ++column) indent += width[column] + gap;
  std::size_t room = width[last];
  if (terminal.width && indent + room > *terminal.width) {
    room = *terminal.width > indent ? *terminal.width - indent : 0;
  }
  const bool own_line = room < std::min(least_last, width[last]);
  if (own_line) {
    indent = own_line_indent;
    room = terminal.width.value_or(80) - indent;
  }
  std::string out;
  const auto begin = [&](auto&& cell_of) {
    for (std::size_t column = 0; column < last; ++column)
      put(out, terminal, cell_of(column), width[column] + gap);
    if (own_line) {
      end_line(out);
      out.append(indent, ' ');
    }
  };
  begin([&](std::size_t column) { return Cell{headings_[column], Colour::dim}; });
  put(out, terminal, Cell{headings_[last], Colour::dim}, 0);
  end_line(out);
  for (const auto& row : rows_) {
    begin([&](std::size_t column) { return row[column]; });
    bool first = true;
    for (const auto& line : wrap(row[last].text, std::max<std::size_t>(room, 1))) {
      if (!first) out.append(indent, ' ');
      put(out, terminal, Cell{line, row[last].colour}, 0);
      end_line(out);
      first = false;
    }
  }
  return out;
}

}  // namespace holdpoint::cli
