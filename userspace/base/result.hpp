// SPDX-License-Identifier: Apache-2.0
// Errors as values. A function logs or returns an error, never both.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace holdpoint {

// What went wrong, for a person: `message` says what and where, `hint` says what to do next (may be empty).
struct Error {
  std::string message;
  std::string hint;
  int code = 0;  // errno where the system gave one, else 0

  [[nodiscard]] std::string text() const { return hint.empty() ? message : message + " (" + hint + ")"; }
};

template <typename T = void>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, std::string hint = {}) {
  return std::unexpected(Error{std::move(message), std::move(hint), 0});
}

// An error from the system: "<what>: <strerror>", with the errno kept.
[[nodiscard]] std::unexpected<Error> fail_errno(std::string what, int code);

}  // namespace holdpoint
