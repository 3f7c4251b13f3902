// SPDX-License-Identifier: Apache-2.0
#include "event/escape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace holdpoint::event {
namespace {

struct Range {
  char32_t first, last;
};

// Characters that are not drawn, look like an ordinary space, or change the order in which others are drawn: with them a
// reviewer reads something else than what runs. Sorted.
constexpr Range hidden_characters[] = {
    {0x80, 0x9f},         // C1 controls: some terminals act on them
    {0xa0, 0xa0},         // no-break space
    {0xad, 0xad},         // soft hyphen
    {0x34f, 0x34f},       // combining grapheme joiner
    {0x61c, 0x61c},       // Arabic letter mark
    {0x115f, 0x1160},     // Hangul fillers
    {0x1680, 0x1680},     // Ogham space
    {0x17b4, 0x17b5},     // Khmer inherent vowels
    {0x180b, 0x180f},     // Mongolian selectors and separator
    {0x2000, 0x200f},     // spaces, zero width, direction marks
    {0x2028, 0x202f},     // line and paragraph separators, bidirectional embeddings, narrow space
    {0x205f, 0x206f},     // invisible operators, bidirectional isolates
    {0x2800, 0x2800},     // Braille blank
    {0x3000, 0x3000},     // ideographic space
    {0x3164, 0x3164},     // Hangul filler
    {0xe000, 0xf8ff},     // private use: drawn as the font likes
    {0xfdd0, 0xfdef},     // noncharacters
    {0xfe00, 0xfe0f},     // variation selectors
    {0xfeff, 0xfeff},     // byte order mark
    {0xffa0, 0xffa0},     // half-width Hangul filler
    {0xfff0, 0xfffb},     // interlinear annotation
    {0xfffe, 0xffff},     // noncharacters
    {0x1bca0, 0x1bca3},   // shorthand format controls
    {0x1d173, 0x1d17a},   // musical format controls
    {0xe0000, 0x10ffff},  // tags, more selectors, private use, nothing assigned
};

bool is_hidden(char32_t point) {
  const auto* after = std::upper_bound(std::begin(hidden_characters), std::end(hidden_characters), point,
                                       [](char32_t p, const Range& range) { return p < range.first; });
  return after != std::begin(hidden_characters) && point <= std::prev(after)->last;
}

struct Decoded {
  char32_t point = 0;
  std::size_t length = 0;  // 0: not UTF-8
};

// One character of two to four bytes. Refuses overlong forms, surrogates and everything past U+10FFFF.
Decoded decode_multibyte(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {};
  char32_t point = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(bytes[i]);
    if ((next & 0xc0) != 0x80) return {};
    point = point << 6 | (next & 0x3f);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {point, length};
}

void append_ascii(std::string& out, unsigned char byte, Escaping escaping) {
  switch (byte) {
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\\': out += escaping == Escaping::raw ? "\\\\" : "\\"; return;
    default: break;
  }
  if (byte < 0x20 || byte == 0x7f) fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
  else out += static_cast<char>(byte);
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes, Escaping escaping) {
  constexpr char32_t marker_start = 0x2039;
  while (!bytes.empty()) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    std::size_t length = 1;
    if (byte < 0x80) {
      append_ascii(out, byte, escaping);
    } else if (const auto character = decode_multibyte(bytes); character.length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      length = character.length;
      const bool fake = character.point == marker_start && escaping == Escaping::raw;
      if (fake || is_hidden(character.point))
        fmt::format_to(std::back_inserter(out), "\\u{{{:X}}}", static_cast<std::uint32_t>(character.point));
      else out += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
}

}  // namespace holdpoint::event
