// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

Exit fail(const Failure& failure) {
  std::string text = "holdpoint: " + printable(failure.message) + "\n";
  if (!failure.hint.empty()) text += "  " + printable(failure.hint) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return failure.exit;
}

void print_json(const nlohmann::json& json) {
  print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace holdpoint::cli
