// SPDX-License-Identifier: Apache-2.0
// What may stand in the daemon's own log. A raw string may not: it can hold a secret or a terminal escape, and whoever
// forgets to mask one shall not compile. A type opts in by specialising LogText; masked text does (event/mask.hpp).
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace holdpoint {

// Specialise with `static std::string_view text(const T&)` for types whose text is safe whatever happens: masked text, and
// enums with fixed words.
template <typename T>
struct LogText;

// A text that stands in the source.
class Literal {
 public:
  template <std::size_t size>
  consteval Literal(const char (&text)[size]) : text_(text, size - 1) {}  // NOLINT: meant to convert
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};
template <>
struct LogText<Literal> {
  static std::string_view text(const Literal& literal) { return literal.text(); }
};

// Numbers, but not characters: strings could be passed one by one.
template <typename T>
concept LoggableNumber =
    std::is_arithmetic_v<T> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
    !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <typename T>
concept Loggable =
    LoggableNumber<T> || (!std::is_convertible_v<const T&, std::string_view> && requires(const T& value) {
      { LogText<T>::text(value) } -> std::same_as<std::string_view>;
    });

}  // namespace holdpoint
