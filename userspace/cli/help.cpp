// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include <fmt/format.h>

namespace holdpoint::cli {
namespace {

std::string option_line(const Option& option) {
  const std::string left = option.value.empty() ? fmt::format("--{}", option.name)
                                                : fmt::format("--{} {}", option.name, option.value);
  return fmt::format("  {:<18} {}\n", left, option.help);
}

}  // namespace

std::string usage_line(const Verb& verb) {
  return fmt::format("holdpoint {} [options]{}{}", verb.name, verb.usage.empty() ? "" : " ", verb.usage);
}

std::string help_for(const Verb& verb) {
  std::string out = fmt::format("usage: {}\n\n{}\n\n", usage_line(verb), verb.description);
  for (const Option& option : options_of(verb)) out += option_line(option);
  return out;
}

std::string overview() {
  std::string out =
      "Holdpoint suspends what an AI agent may not do alone until a person has answered.\n\n"
      "usage: holdpoint VERB [options]\n\n";
  for (const Verb& verb : verbs()) out += fmt::format("  {:<10} {}\n", verb.name, verb.summary);
  out +=
      "\n`holdpoint help VERB` says more. Exit codes: 0 done, 1 refused, 2 wrong usage, 3 daemon not "
      "reachable,\n"
      "4 not allowed, 5 not found, 6 no longer open, 7 timed out.\n";
  return out;
}

}  // namespace holdpoint::cli
