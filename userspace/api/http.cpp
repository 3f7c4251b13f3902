// SPDX-License-Identifier: Apache-2.0
#include "api/http.hpp"

namespace holdpoint::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Percent decoding; in a query "+" is a space. An escaped NUL is refused: nothing of ours contains one.
std::optional<std::string> decode(std::string_view text, bool query) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && query) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return {};
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return {};
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

}  // namespace

Result<Incoming> parse_target(std::string_view target) {
  Incoming in;
  const std::size_t mark = target.find('?');
  const auto path = decode(target.substr(0, mark), false);
  if (!path || path->empty() || path->front() != '/') return fail("the request target is not a path");
  in.path = *path;
  if (mark == std::string_view::npos) return in;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto key = decode(pair.substr(0, equals), true);
    const auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                        : decode(pair.substr(equals + 1), true);
    if (!key || !value) return fail("the query has a broken % escape");
    if (!in.query.emplace(*key, *value).second) return fail("the query names \"" + *key + "\" twice");
  }
  return in;
}

}  // namespace holdpoint::api
