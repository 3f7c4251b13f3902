// SPDX-License-Identifier: Apache-2.0
// One verb of the command line: its table entry and what it gets to work with. To add one: a file in commands/, its
// declaration in commands/commands.hpp, its line in table of verbs.cpp.
#pragma once

#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "cli/arguments.hpp"
#include "cli/client.hpp"
#include "cli/exit_code.hpp"
#include "cli/terminal.hpp"

namespace holdpoint::cli {

struct Context {
  const Arguments& arguments;
  const Client& client;
  const Terminal& terminal;
  const Clock& clock;

  [[nodiscard]] bool json() const { return arguments.has("json"); }
  [[nodiscard]] WallTime now() const { return clock.now().wall; }
};

struct Verb {
  std::string_view name;
  std::string_view summary;
  std::string_view usage;        // after "holdpoint NAME [options]"
  std::string_view description;  // for `help NAME`
  std::vector<Option> options;   // besides the common ones
  std::size_t least = 0;
  std::size_t most = 0;
  bool takes_command = false;
  Exit (*run)(const Context&);
  bool json = true;  // false: what is printed is another program's, or has a form of its own
};

[[nodiscard]] const std::vector<Verb>& verbs();
[[nodiscard]] const Verb* find_verb(std::string_view name);
// All options that a verb takes: its own, and those of every verb.
[[nodiscard]] std::vector<Option> options_of(const Verb& verb);

// Prints to standard output or error. `fail` says what went wrong and what to do next.
void print(std::string_view text);
Exit fail(const Failure& failure);
// One line of JSON.
void print_json(const nlohmann::json& json);

}  // namespace holdpoint::cli
