// SPDX-License-Identifier: Apache-2.0
// What is wrong with a policy, as values with their place. Nothing here prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdpoint::policy {

// One policy file: its name as the person knows it, and its bytes.
struct SourceText {
  std::string name;
  std::string text;
};

// Where something stands: number of the file in the list given to check(), line and column from 1. Columns
// count characters, as editors do. Line 0 = no place (built-in rules).
struct Place {
  std::uint32_t file = 0;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

enum class Severity { error, warning };

struct Diagnostic {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  Severity severity = Severity::error;
  std::string message;
  std::string hint;  // what to do next; may be empty
};

// Errors and warnings kept at once; a person fixes fewer in one go. Later ones are counted and told as a
// number.
inline constexpr std::size_t kMaxDiagnostics = 50;

// Collects while a policy is read. Owned by one call of check().
class Diagnostics {
 public:
  explicit Diagnostics(std::vector<std::string> files) : files_(std::move(files)) {}

  void error(Place place, std::string message, std::string hint = {});
  void warning(Place place, std::string message, std::string hint = {});
  [[nodiscard]] bool has_errors() const { return errors_ > 0; }
  [[nodiscard]] bool full() const { return errors_ >= kMaxDiagnostics; }
  // "file:line:column" for messages that speak of a second place.
  [[nodiscard]] std::string name(Place place) const;
  // In the order of files and lines; ends with a count if there were more than kMaxDiagnostics errors or
  // warnings.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  struct Found {
    Place place;
    Diagnostic diagnostic;
  };
  void add(Place place, Severity severity, std::string message, std::string hint);
  [[nodiscard]] std::string file(Place place) const;

  std::vector<std::string> files_;
  std::vector<Found> found_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

// "file:line:column: error: message", the source line with a caret below, and the hint. Control characters of
// the source are shown as '?', so that a policy file cannot write to the terminal.
[[nodiscard]] std::string render(const Diagnostic& diagnostic, const std::vector<SourceText>& sources);
[[nodiscard]] std::string render(const std::vector<Diagnostic>& diagnostics,
                                 const std::vector<SourceText>& sources);

}  // namespace holdpoint::policy
