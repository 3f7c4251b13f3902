// SPDX-License-Identifier: Apache-2.0
// Small pure helpers on text: UTF-8, what may be printed, the nearest known word, natural order.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdpoint::policy {

// Offset of the first byte that is not part of well-formed UTF-8 (overlong forms and surrogates are not), if
// any.
[[nodiscard]] std::optional<std::size_t> invalid_utf8(std::string_view text);
// Characters (code points) in well-formed UTF-8.
[[nodiscard]] std::size_t count_characters(std::string_view text);
// The text with everything a terminal would act on (control characters, bidirectional controls) replaced by
// '?'. Tabs stay, since columns count them as one character.
[[nodiscard]] std::string printable(std::string_view text);
// The word of `known` that was probably meant, or nothing when none is near (edit distance over a third of
// its length).
[[nodiscard]] std::optional<std::string_view> nearest_word(std::string_view word,
                                                           std::span<const std::string_view> known);
// "a, b or c".
[[nodiscard]] std::string join_choices(std::span<const std::string_view> words);
// Numbers inside names compare as numbers: 9-a.yaml comes before 10-a.yaml.
[[nodiscard]] bool natural_less(std::string_view left, std::string_view right);

}  // namespace holdpoint::policy
