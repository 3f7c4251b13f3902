// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace holdpoint::cli {
namespace {

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::plain: return "0";
    case Colour::bold: return "1";
    case Colour::dim: return "2";
    case Colour::red: return "31";
    case Colour::green: return "32";
    case Colour::yellow: return "33";
    case Colour::cyan: return "36";
  }
  return "0";
}

bool set_and_not_empty(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

std::string Terminal::paint(Colour colour, std::string_view text) const {
  if (!colours || colour == Colour::plain || text.empty()) return std::string(text);
  return std::string("\x1b[") + code_of(colour) + "m" + std::string(text) + "\x1b[0m";
}

Terminal find_terminal() {
  Terminal terminal;
  if (::isatty(STDOUT_FILENO) == 0) return terminal;
  winsize size{};
  terminal.width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  terminal.width = std::max<std::size_t>(*terminal.width, 40);  // narrower ones wrap by themselves
  const char* kind = std::getenv("TERM");
  terminal.colours = !set_and_not_empty("NO_COLOR") && kind != nullptr && std::string_view(kind) != "dumb";
  return terminal;
}

}  // namespace holdpoint::cli
