// SPDX-License-Identifier: Apache-2.0
#include "policy/parse_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "policy/text.hpp"

namespace holdpoint::policy {
namespace {

std::string_view kind_name(const Node& node) {
  switch (node.kind) {
    case Node::Kind::scalar: return node.value.empty() ? "nothing" : "a single value";
    case Node::Kind::sequence: return "a list";
    case Node::Kind::mapping: return "a mapping";
    case Node::Kind::refused: break;
  }
  return "nothing";
}

void expected(const Node& node, std::string_view what, std::string_view form, Diagnostics& out) {
  if (node.kind == Node::Kind::refused) return;
  out.error(node.place, fmt::format("{}: expected {}, found {}", what, form, kind_name(node)));
}

std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
  const auto near = nearest_word(word, known);
  return near ? fmt::format("did you mean '{}'?", *near) : fmt::format("known here: {}", join_choices(known));
}

}  // namespace

Fields::Fields(const Node& node, std::string_view what, std::span<const std::string_view> known,
               Diagnostics& out)
    : node_(node), what_(what), out_(out), valid_(node.kind == Node::Kind::mapping) {
  if (!valid_) {
    expected(node, what, "a mapping of keys and values", out);
    return;
  }
  for (const Entry& entry : node.entries) {
    if (out.full()) return;
    if (std::find(known.begin(), known.end(), entry.key.value) != known.end()) continue;
    out.error(entry.key.place, fmt::format("unknown key '{}' in {}", entry.key.value, what),
              suggestion(entry.key.value, known));
  }
}

const Node* Fields::key(std::string_view name) const {
  for (const Entry& entry : node_.entries) {
    if (entry.key.value == name) return &entry.key;
  }
  return nullptr;
}

const Node* Fields::find(std::string_view name) const {
  for (const Entry& entry : node_.entries) {
    if (entry.key.value == name) return &entry.value;
  }
  return nullptr;
}

const Node* Fields::require(std::string_view name) const {
  const Node* found = find(name);
  if (found == nullptr && valid_) out_.error(node_.place, fmt::format("{} without '{}'", what_, name));
  return found;
}

std::optional<std::string> read_text(const Node& node, std::string_view what, Diagnostics& out) {
  if (node.kind != Node::Kind::scalar || node.value.empty()) {
    expected(node, what, "a text", out);
    return std::nullopt;
  }
  const auto control = std::find_if(node.value.begin(), node.value.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; });
  if (control != node.value.end()) {
    out.error(node.place, fmt::format("{}: control characters are not allowed", what));
    return std::nullopt;
  }
  if (node.value.size() > kMaxTextBytes) {
    out.error(node.place, fmt::format("{}: {} bytes, at most {}", what, node.value.size(), kMaxTextBytes));
    return std::nullopt;
  }
  return node.value;
}

std::optional<Name> read_name(const Node& node, std::string_view what, std::size_t max, Diagnostics& out) {
  if (node.kind != Node::Kind::scalar) {
    expected(node, what, "a name", out);
    return std::nullopt;
  }
  const std::string& text = node.value;
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (text.empty() || text.size() > max || text[0] == '-' || !std::all_of(text.begin(), text.end(), good)) {
    out.error(node.place,
              fmt::format("{}: '{}' is not a name", what, text.size() > 80 ? text.substr(0, 80) + "…" : text),
              fmt::format("1 to {} of a-z, 0-9 and '-', not '-' first", max));
    return std::nullopt;
  }
  return Name{text, node.place};
}

std::optional<bool> read_bool(const Node& node, std::string_view what, Diagnostics& out) {
  if (node.kind == Node::Kind::scalar && !node.quoted && (node.value == "true" || node.value == "false")) {
    return node.value == "true";
  }
  if (node.kind != Node::Kind::refused) {
    out.error(node.place, fmt::format("{}: expected true or false, without quotes", what));
  }
  return std::nullopt;
}

std::optional<unsigned> read_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > max)
    return std::nullopt;
  return value;
}

std::optional<int> read_choice(const Node& node, std::string_view what, std::span<const Choice> choices,
                               Diagnostics& out) {
  std::vector<std::string_view> words;
  for (const auto& [word, value] : choices) {
    if (node.kind == Node::Kind::scalar && node.value == word) return value;
    words.push_back(word);
  }
  if (node.kind == Node::Kind::refused) return std::nullopt;
  const std::string found = node.kind == Node::Kind::scalar && !node.value.empty()
                                ? fmt::format("'{}'", node.value)
                                : std::string(kind_name(node));
  const auto near = nearest_word(node.value, words);
  out.error(node.place, fmt::format("{}: expected {}, found {}", what, join_choices(words), found),
            near ? fmt::format("did you mean '{}'?", *near) : std::string{});
  return std::nullopt;
}

std::optional<Mode> read_mode(const Node& node, Diagnostics& out) {
  const auto value = read_choice(node, "mode", kModes, out);
  return value ? std::optional(static_cast<Mode>(*value)) : std::nullopt;
}

std::optional<std::chrono::seconds> read_duration(const Node& node, std::string_view what, Diagnostics& out) {
  if (node.kind == Node::Kind::refused) return std::nullopt;
  const std::string_view text = node.value;
  const std::string_view units = "smhd";
  const auto unit = text.empty() ? std::string_view::npos : units.find(text.back());
  const auto count =
      unit == std::string_view::npos ? std::nullopt : read_number(text.substr(0, text.size() - 1), 604800);
  if (!count) {
    out.error(node.place, fmt::format("{}: expected a duration", what),
              "a number and s, m, h or d: 90s, 15m, 8h, 7d");
    return std::nullopt;
  }
  constexpr std::chrono::seconds::rep factor[] = {1, 60, 3600, 86400};
  const std::chrono::seconds value{static_cast<std::chrono::seconds::rep>(*count) * factor[unit]};
  if (value < kMinTimeout || value > kMaxTimeout) {
    out.error(node.place, fmt::format("{}: {} is out of bounds", what, text), "from 1s to 7d");
    return std::nullopt;
  }
  return value;
}

std::vector<const Node*> read_list(const Node& node, std::string_view what, Diagnostics& out) {
  std::vector<const Node*> nodes;
  if (node.kind == Node::Kind::sequence) {
    if (node.items.empty())
      out.error(node.place, fmt::format("{}: the list is empty", what), "remove the key instead");
    for (const Node& item : node.items) nodes.push_back(&item);
  } else if (node.kind == Node::Kind::scalar && !node.value.empty()) {
    nodes.push_back(&node);
  } else {
    expected(node, what, "a value or a list", out);
  }
  return nodes;
}

std::vector<Pattern> read_patterns(const Node& node, std::string_view what, GlobUse use, Diagnostics& out) {
  std::vector<Pattern> patterns;
  for (const Node* item : read_list(node, what, out)) {
    if (out.full()) break;
    if (item->kind != Node::Kind::scalar) {
      expected(*item, what, "a pattern", out);
      continue;
    }
    auto glob = parse_glob(item->value, use);
    if (!glob) {
      const GlobError& error = glob.error();
      out.error(place_inside(*item, error.offset),
                fmt::format("{}: {}, at byte {} of the pattern", what, error.message, error.offset + 1),
                error.hint);
      continue;
    }
    if (item->value.size() > 1 && item->value.ends_with('/')) {
      out.warning(item->place, fmt::format("{}: '{}' ends in '/' and never matches", what, item->value),
                  "write /dir for the directory, /dir/** for what is below");
    }
    patterns.push_back({item->value, item->place, std::move(*glob)});
  }
  return patterns;
}

}  // namespace holdpoint::policy
