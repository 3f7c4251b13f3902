// SPDX-License-Identifier: Apache-2.0
// Patterns over paths and names, as values. They match bytes, not characters.
//
//   path  /a/*/b   `*` any bytes but '/', `?` one such byte, [a-z] [!a-z] one of (never '/'), {a,b} one of
//   the two,
//                  `/**/` one '/' or anything between two, `/**` at the end: everything below (not the
//                  directory itself)
//   name  memfd:*  pipe:* socket:* anon_inode:* @abstract: no components, `*` and `?` match every byte, '/'
//   too,
//                  so that a program cannot slip past by putting a '/' into a name that it chooses
#pragma once

#include <bitset>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace holdpoint::policy {

using ByteSet = std::bitset<256>;

struct GlobItem {
  enum class Kind {
    one,           // one byte of `bytes`
    many,          // any number of bytes of `bytes`, also none
    components,    // nothing, or any bytes that end in '/': the "**/" of "/**/"
    below,         // one byte or more, to the end: the "**" at the end
    alternatives,  // one of `alternatives`
  };
  Kind kind = Kind::one;
  ByteSet bytes;
  std::vector<std::vector<GlobItem>> alternatives;
};
using Glob = std::vector<GlobItem>;

enum class GlobUse { path, socket, cgroup };

struct GlobError {
  std::size_t offset = 0;  // byte of the pattern, from 0
  std::string message;
  std::string hint;
};

// PATH_MAX: nothing longer can match a path the kernel reports. Longer: error.
inline constexpr std::size_t kMaxPatternBytes = 4096;

[[nodiscard]] std::expected<Glob, GlobError> parse_glob(std::string_view pattern, GlobUse use);
// The reference matcher: the whole text, straight from the items, no automaton.
[[nodiscard]] bool glob_matches(const Glob& glob, std::string_view text);
// The bytes every match begins with.
[[nodiscard]] std::string literal_prefix(const Glob& glob);
// The pattern that matches exactly this text.
[[nodiscard]] std::string escape_glob(std::string_view literal);

}  // namespace holdpoint::policy
