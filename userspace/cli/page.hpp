// SPDX-License-Identifier: Apache-2.0
// A page of "Label  value" lines that wraps values beside their labels. Pure.
#pragma once

#include <string>
#include <string_view>

#include "cli/terminal.hpp"

namespace holdpoint::cli {

class Page {
 public:
  explicit Page(const Terminal& terminal) : terminal_(terminal) {}
  void heading(const std::string& text) { text_ += text + "\n\n"; }
  void gap() { text_ += "\n"; }
  void line(const std::string& text) { text_ += text + "\n"; }
  // `value` is printable already. An empty label continues the one before; an empty value is left out. `indent`: columns by
  // which all of its lines stand further right.
  void add(std::string_view label, std::string_view value, Colour colour = Colour::plain,
           std::size_t indent = 0);
  // Columns that a value may take.
  [[nodiscard]] std::size_t room() const;
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  const Terminal& terminal_;
  std::string text_;
};

}  // namespace holdpoint::cli
