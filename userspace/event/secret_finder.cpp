// SPDX-License-Identifier: Apache-2.0
#include "event/secret_finder.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "event/secret_patterns.hpp"

namespace holdpoint::event {
namespace {

RE2::Options byte_options() {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes as they are: hostile text need not be UTF-8
  options.set_dot_nl(true);
  options.set_never_nl(false);
  options.set_log_errors(false);
  return options;
}

struct Compiled {
  explicit Compiled(const SecretPattern& row) : pattern(row.pattern, byte_options()) {
    if (row.plain_value != nullptr) plain_value = std::make_unique<RE2>(row.plain_value, byte_options());
    if (row.plain_name != nullptr) plain_name = std::make_unique<RE2>(row.plain_name, byte_options());
    std::string_view rest = row.hints;
    while (!rest.empty()) {
      const auto bar = rest.find('|');
      hints.emplace_back(rest.substr(0, bar));
      rest.remove_prefix(bar == std::string_view::npos ? rest.size() : bar + 1);
    }
  }
  bool ok() const {
    return pattern.ok() && (!plain_value || plain_value->ok()) && (!plain_name || plain_name->ok());
  }
  bool is_plain(re2::StringPiece name, re2::StringPiece value) const {
    return (plain_value && RE2::FullMatch(value, *plain_value)) ||
           (plain_name && RE2::PartialMatch(name, *plain_name));
  }

  RE2 pattern;
  std::unique_ptr<RE2> plain_value;
  std::unique_ptr<RE2> plain_name;
  std::vector<std::string_view> hints;
};

// Compiled once, constant afterwards and safe for all threads. Not handed in as an object, since then code could hand in
// an empty table.
const std::deque<Compiled>& compiled_patterns() {
  static const std::deque<Compiled> table = [] {
    std::deque<Compiled> rows;
    for (const auto& row : secret_patterns()) rows.emplace_back(row);
    return rows;
  }();
  return table;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

constexpr int max_groups = 8;

void find_with(const Compiled& row, re2::StringPiece text, std::vector<Span>& found) {
  re2::StringPiece match[max_groups + 1];
  const int groups = std::min(row.pattern.NumberOfCapturingGroups(), max_groups);
  std::size_t from = 0;
  while (from <= text.size() &&
         row.pattern.Match(text, from, text.size(), RE2::UNANCHORED, match, groups + 1)) {
    // Go on behind the last secret, not behind the match: what ends one may begin the next.
    std::size_t next = from;
    for (int i = 1; i <= groups; ++i) {
      if (match[i].data() == nullptr || match[i].empty()) continue;
      const auto begin = static_cast<std::size_t>(match[i].data() - text.data());
      next = std::max(next, begin + match[i].size());
      const re2::StringPiece name(match[0].data(),
                                  static_cast<std::size_t>(match[i].data() - match[0].data()));
      if (!row.is_plain(name, match[i])) found.push_back({begin, begin + match[i].size()});
    }
    const auto end = static_cast<std::size_t>(match[0].data() - text.data()) + match[0].size();
    from = next > from ? next : std::max(end, from + 1);
  }
}

std::vector<Span> merged(std::vector<Span> spans) {
  std::ranges::sort(spans, {}, &Span::begin);
  std::vector<Span> out;
  for (const auto& span : spans) {
    if (!out.empty() && span.begin <= out.back().end) out.back().end = std::max(out.back().end, span.end);
    else out.push_back(span);
  }
  return out;
}

}  // namespace

std::vector<Span> find_secrets(std::string_view text) {
  std::vector<Span> found;
  if (text.empty()) return found;
  const auto lower = lower_case(text);
  for (const auto& row : compiled_patterns()) {
    if (!row.ok()) return {{0, text.size()}};
    const bool hinted = std::ranges::any_of(
        row.hints, [&](std::string_view hint) { return lower.find(hint) != std::string::npos; });
    if (hinted) find_with(row, {text.data(), text.size()}, found);
  }
  return merged(std::move(found));
}

}  // namespace holdpoint::event
