// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace holdpoint::cli {
namespace {

// Edits between two words.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row.back();
}

const Option* find(std::span<const Option> options, std::string_view name) {
  const auto found = std::ranges::find(options, name, &Option::name);
  return found == options.end() ? nullptr : &*found;
}

std::string unknown_option(std::string_view name, std::span<const Option> options) {
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.name);
  const std::string near = nearest(name, names);
  return fmt::format("unknown option --{}{}", name,
                     near.empty() ? "" : fmt::format("; did you mean --{}?", near));
}

// Takes the option at words[at]; `at` is moved to the last word used. Error text or empty.
std::string take_option(std::span<const std::string> words, std::size_t& at, const Shape& shape,
                        Arguments& out) {
  const std::string_view word = std::string_view(words[at]).substr(2);
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const Option* option = find(shape.options, name);
  if (option == nullptr) return unknown_option(name, shape.options);
  auto& values = out.options[std::string(name)];
  if (!values.empty() && !option->repeats) return fmt::format("--{} is given twice", name);
  if (option->value.empty()) {
    if (equals != std::string_view::npos) return fmt::format("--{} takes no value", name);
    values.emplace_back();
  } else if (equals != std::string_view::npos) {
    values.emplace_back(word.substr(equals + 1));
  } else if (at + 1 < words.size()) {
    values.push_back(words[++at]);
  } else {
    return fmt::format("--{} needs a value: --{} {}", name, name, option->value);
  }
  return {};
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view name) const {
  const auto found = options.find(name);
  if (found == options.end()) return {};
  return found->second.front();
}

std::vector<std::string> Arguments::values(std::string_view name) const {
  const auto found = options.find(name);
  return found == options.end() ? std::vector<std::string>{} : found->second;
}

std::expected<Arguments, std::string> parse_arguments(std::span<const std::string> words,
                                                      const Shape& shape) {
  Arguments out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--" || (shape.takes_command && !word.starts_with("-"))) {
      const auto rest = words.subspan(word == "--" ? i + 1 : i);
      auto& target = shape.takes_command ? out.command : out.positional;
      target.insert(target.end(), rest.begin(), rest.end());
      break;
    }
    if (word == "-h") {
      out.options["help"].emplace_back();
    } else if (word.starts_with("--")) {
      if (auto error = take_option(words, i, shape, out); !error.empty()) return std::unexpected(error);
    } else if (word.starts_with("-") && word.size() > 1) {
      return std::unexpected(fmt::format("unknown option {}; options have two dashes", word));
    } else {
      out.positional.push_back(word);
    }
  }
  if (out.has("help")) return out;
  if (out.positional.size() < shape.least) {
    return std::unexpected(fmt::format("{} is missing", shape.usage.substr(0, shape.usage.find(' '))));
  }
  if (out.positional.size() > shape.most) {
    return std::unexpected(fmt::format("\"{}\" is one argument too many", out.positional[shape.most]));
  }
  if (shape.takes_command && out.command.empty()) return std::unexpected("the command to run is missing");
  return out;
}

std::string nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t best_distance = std::min<std::size_t>(3, word.size() / 2 + 1);
  for (const std::string_view candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return std::string(best);
}

}  // namespace holdpoint::cli
