// SPDX-License-Identifier: Apache-2.0
// Rows under headings, aligned, fit to a width without cutting anything: the last column wraps, or moves to lines of its own
// when there is no room beside the others. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.hpp"

namespace holdpoint::cli {

struct Cell {
  std::string text;  // printable
  Colour colour = Colour::plain;
};

class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  // As many cells as headings.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::string draw(const Terminal& terminal) const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  std::vector<std::string> headings_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace holdpoint::cli
