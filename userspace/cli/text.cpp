// SPDX-License-Identifier: Apache-2.0
#include "cli/text.hpp"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/time_text.hpp"

namespace holdpoint::cli {
namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first character of `text`, which is not empty. Overlong forms and surrogates are not valid.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t code = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3fU);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length, true};
}

bool acts_on_terminal(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         code == 0x061c;
}

std::size_t width_of(char32_t code) {
  const int width = ::wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

// Bytes of `text` that fit into `width` columns, at least one character.
std::size_t fitting(std::string_view text, std::size_t width) {
  std::size_t bytes = 0;
  std::size_t columns = 0;
  while (bytes < text.size()) {
    const Character c = decode(text.substr(bytes));
    columns += c.valid ? width_of(c.code) : 1;
    if (columns > width && bytes > 0) break;
    bytes += c.bytes;
  }
  return bytes;
}

// Where to end a line of at most `most` bytes: at a space or behind a slash, if that wastes less than half of it.
std::size_t break_at(std::string_view text, std::size_t most) {
  if (text.substr(most).starts_with(' ')) return most;
  const std::size_t place = text.substr(0, most).find_last_of(" /");
  if (place == std::string_view::npos || place <= most / 2) return most;
  return place + 1;
}

std::tm local(WallTime time) {
  const std::time_t count = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  ::localtime_r(&count, &parts);
  return parts;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = decode(text);
    if (!c.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (acts_on_terminal(c.code)) {
      out += c.code < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(c.code))
                            : fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(c.code));
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::vector<std::string> escaped_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t taken = text.starts_with('\\') && text.size() > 1 ? 2 : 1;
    if (text.starts_with("\\n")) {
      lines.push_back(std::exchange(line, {}));
    } else {
      line += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = decode(text);
    columns += c.valid ? width_of(c.code) : 1;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) { return hang(text, width, width); }

std::vector<std::string> hang(std::string_view text, std::size_t first_width, std::size_t width) {
  std::vector<std::string> lines;
  std::size_t room = std::max<std::size_t>(first_width, 1);
  while (display_width(text) > room) {
    const std::size_t bytes = break_at(text, fitting(text, room));
    lines.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
    if (text.starts_with(' ')) text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    while (lines.back().ends_with(' ')) lines.back().pop_back();
    room = std::max<std::size_t>(width, 1);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

std::string relative(WallTime time, WallTime now) {
  const Duration away = time > now ? time - now : now - time;
  if (away < std::chrono::seconds(1)) return "now";
  const std::string text = api::duration_text(away);
  return time > now ? "in " + text : text + " ago";
}

std::string time_of_day(WallTime time, WallTime now, bool seconds) {
  const std::tm parts = local(time);
  const std::tm today = local(now);
  std::string out = seconds ? fmt::format("{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec)
                            : fmt::format("{:02}:{:02}", parts.tm_hour, parts.tm_min);
  if (parts.tm_year != today.tm_year || parts.tm_yday != today.tm_yday) {
    out = fmt::format("{:04}-{:02}-{:02} ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday) + out;
  }
  return out;
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%";
  const bool high = std::ranges::any_of(word, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (!word.empty() && (word.find_first_not_of(plain) == std::string_view::npos || high)) {
    if (word.find_first_of(" \t'\"$`\\") == std::string_view::npos) return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string field(const nlohmann::json& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto found = object.find(std::string(key));
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_unsigned()) return std::to_string(found->get<std::uint64_t>());
  if (found->is_number_integer()) return std::to_string(found->get<std::int64_t>());
  return {};
}

const nlohmann::json& child(const nlohmann::json& object, std::string_view key) {
  static const nlohmann::json none = nlohmann::json::object();
  if (!object.is_object()) return none;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? none : *found;
}

std::string joined(const nlohmann::json& list) {
  std::string out;
  for (const auto& item : list)
    if (item.is_string()) out += (out.empty() ? "" : ", ") + printable(item.get<std::string>());
  return out;
}

std::string person(const nlohmann::json& principal) {
  const std::string name = field(principal, "name");
  const std::string id = field(principal, "id");
  if (field(principal, "kind") == "declared") return name + " (declared)";
  if (field(principal, "kind") != "unix") return name.empty() ? id : name;
  return name.empty() ? "uid " + id : name + " (uid " + id + ")";
}

}  // namespace holdpoint::cli
