// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

namespace {

// What is wrong with a policy has lines; nothing else that a terminal would act on stays.
std::string printable_lines(std::string_view text) {
  std::string out;
  while (true) {
    const auto end = text.find('\n');
    out += printable(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
    if (text.empty()) return out;
    out += "\n  ";
  }
}

}  // namespace

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Exit fail(const Failure& failure) {
  std::string text = "holdpoint: " + printable_lines(failure.message) + "\n";
  if (!failure.hint.empty()) text += "  " + printable(failure.hint) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return failure.exit;
}

void print_json(const nlohmann::json& json) {
  print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace holdpoint::cli
