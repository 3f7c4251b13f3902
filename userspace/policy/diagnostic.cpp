// SPDX-License-Identifier: Apache-2.0
#include "policy/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>

#include "policy/text.hpp"

namespace holdpoint::policy {
namespace {

// Messages quote the file, and a word of a hostile file can be as long as the file. Longer: cut, and said so.
constexpr std::size_t kMaxMessageBytes = 5000;

// Length of the line break at `at`, 0 if there is none. YAML 1.1 also breaks at NEL, LS and PS, and the
// reader counts so.
std::size_t break_length(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\r\n")) return 2;
  if (rest.starts_with('\n') || rest.starts_with('\r')) return 1;
  if (rest.starts_with("\xc2\x85")) return 2;
  if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) return 3;
  return 0;
}

std::string_view source_line(std::string_view text, std::uint32_t line) {
  std::size_t begin = 0;
  std::uint32_t number = 1;
  std::size_t at = 0;
  for (; at < text.size();) {
    const std::size_t length = break_length(text, at);
    if (length > 0 && number == line) break;
    if (length > 0) {
      begin = at + length;
      ++number;
    }
    at += std::max<std::size_t>(length, 1);
  }
  return number == line ? text.substr(begin, at - begin) : std::string_view{};
}

// Spaces, and the tabs of the line, up to the column.
std::string caret_line(std::string_view line, std::uint32_t column) {
  std::string out;
  for (const char c : line) {
    if (out.size() + 1 >= column) break;
    if ((static_cast<unsigned char>(c) & 0xc0U) == 0x80U) continue;
    out += c == '\t' ? '\t' : ' ';
  }
  return out + "^";
}

}  // namespace

void Diagnostics::add(Place place, Severity severity, std::string message, std::string hint) {
  std::size_t& count = severity == Severity::error ? errors_ : warnings_;
  if (++count > kMaxDiagnostics) return;
  if (message.size() > kMaxMessageBytes) message = message.substr(0, kMaxMessageBytes) + "… (cut)";
  found_.push_back(
      {place, {file(place), place.line, place.column, severity, printable(message), printable(hint)}});
}

void Diagnostics::error(Place place, std::string message, std::string hint) {
  add(place, Severity::error, std::move(message), std::move(hint));
}

void Diagnostics::warning(Place place, std::string message, std::string hint) {
  add(place, Severity::warning, std::move(message), std::move(hint));
}

std::string Diagnostics::file(Place place) const {
  return place.line > 0 && place.file < files_.size() ? files_[place.file] : "built-in";
}

std::string Diagnostics::name(Place place) const {
  return place.line == 0 ? "built-in" : fmt::format("{}:{}:{}", file(place), place.line, place.column);
}

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
    return std::tie(a.place.file, a.place.line, a.place.column) <
           std::tie(b.place.file, b.place.line, b.place.column);
  });
  std::vector<Diagnostic> out;
  for (Found& found : found_) out.push_back(std::move(found.diagnostic));
  for (const auto& [count, severity, word] : {std::tuple{errors_, Severity::error, "errors"},
                                              std::tuple{warnings_, Severity::warning, "warnings"}}) {
    if (count > kMaxDiagnostics) {
      out.push_back({out.back().file, 0, 0, severity,
                     fmt::format("{} more {} not shown", count - kMaxDiagnostics, word),
                     "fix those above first"});
    }
  }
  found_.clear();
  return out;
}

std::string render(const Diagnostic& diagnostic, const std::vector<SourceText>& sources) {
  const char* severity = diagnostic.severity == Severity::error ? "error" : "warning";
  std::string out = printable(diagnostic.file);
  if (diagnostic.line > 0) out += fmt::format(":{}:{}", diagnostic.line, diagnostic.column);
  out += fmt::format(": {}: {}\n", severity, diagnostic.message);
  const auto source = std::find_if(sources.begin(), sources.end(),
                                   [&](const SourceText& text) { return text.name == diagnostic.file; });
  if (diagnostic.line > 0 && source != sources.end()) {
    const std::string_view line = source_line(source->text, diagnostic.line);
    if (!line.empty() && line.size() <= 500) {  // a longer line would drown the message
      out += fmt::format("  {}\n  {}\n", printable(line), caret_line(line, diagnostic.column));
    }
  }
  if (!diagnostic.hint.empty()) out += fmt::format("  hint: {}\n", diagnostic.hint);
  return out;
}

std::string render(const std::vector<Diagnostic>& diagnostics, const std::vector<SourceText>& sources) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += render(diagnostic, sources);
  return out;
}

}  // namespace holdpoint::policy
