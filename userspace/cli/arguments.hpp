// SPDX-License-Identifier: Apache-2.0
// The command line against a command's table of options. Own code, since help, usage errors and completion are drawn from
// the same table, and the libraries at hand cannot say what an unknown option was probably meant to be.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdpoint::cli {

struct Option {
  std::string_view name;   // without the dashes
  std::string_view value;  // what it takes, for help ("PATH"); empty: a switch
  std::string_view help;
  bool repeats = false;
};

struct Shape {
  std::span<const Option> options;
  std::size_t least = 0;  // positional arguments
  std::size_t most = 0;
  bool takes_command = false;  // everything after "--" (or from the first positional on) is a command
  std::string_view
      usage{};  // the positional arguments' names, such as "ID", for the error when they are missing
};

struct Arguments {
  std::map<std::string, std::vector<std::string>, std::less<>> options;
  std::vector<std::string> positional;
  std::vector<std::string> command;

  [[nodiscard]] bool has(std::string_view name) const { return options.find(name) != options.end(); }
  [[nodiscard]] std::optional<std::string> value(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
};

// Options may stand anywhere before "--", as "--name value" or "--name=value". Error: one sentence.
[[nodiscard]] std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> words,
                                                                    const Shape& shape);
// The candidate nearest to `word` if it is near enough to be a slip of the finger, else empty.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace holdpoint::cli
