// SPDX-License-Identifier: Apache-2.0
// A small located tree of one YAML file. Only what can be read in one way is let in: no anchors, aliases,
// tags, second documents, duplicate keys, deep nesting or other encodings than UTF-8. Everything is text;
// types come later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/diagnostic.hpp"

namespace holdpoint::policy {

// A person's policy file is a few KiB; more than this is a mistake, and it bounds memory. Over it: error.
inline constexpr std::size_t kMaxFileBytes = 1024 * 1024;
// The language needs 5; the bound keeps recursion small. Deeper: error.
inline constexpr unsigned kMaxDepth = 32;

struct Entry;

struct Node {
  enum class Kind { scalar, sequence, mapping, refused };  // refused: already reported, says nothing
  Kind kind = Kind::refused;
  Place place;
  std::string value;    // scalar
  bool quoted = false;  // scalar: "1" is text, 1 is a number
  bool exact = false;   // scalar: the file holds the value's bytes as they are, so offsets are columns
  std::vector<Node> items;
  std::vector<Entry> entries;  // in order of the file; of equal keys only the first
};

struct Entry {
  Node key;
  Node value;
};

// The tree, or nothing when the text cannot be read at all. Errors go to `out`; a tree may come with errors.
[[nodiscard]] std::optional<Node> read_yaml(const SourceText& source, std::uint32_t file, Diagnostics& out);

// Place of a byte inside a scalar's value: exact where the file holds it unchanged, else the scalar's own.
[[nodiscard]] Place place_inside(const Node& scalar, std::size_t offset);

}  // namespace holdpoint::policy
