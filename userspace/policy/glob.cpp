// SPDX-License-Identifier: Apache-2.0
#include "policy/glob.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace holdpoint::policy {
namespace {

constexpr std::array<std::string_view, 4> kNamePrefixes = {"memfd:", "pipe:", "socket:", "anon_inode:"};

using Kind = GlobItem::Kind;

std::uint8_t byte_of(char c) { return static_cast<std::uint8_t>(c); }

ByteSet all_but_slash() { return ByteSet{}.set().reset(byte_of('/')); }

GlobItem literal(char c) { return {Kind::one, ByteSet{}.set(byte_of(c)), {}}; }

// Recursive descent over one pattern. The first error ends it: later ones would be guesses.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool parse_path(Glob& out);
  bool parse_name(Glob& out);
  [[nodiscard]] GlobError error() const { return error_; }

 private:
  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] char peek() const { return text_[at_]; }
  bool refuse(std::size_t offset, std::string message, std::string hint = {}) {
    error_ = {offset, std::move(message), std::move(hint)};
    return false;
  }
  bool parse_component(Glob& out);
  bool parse_item(Glob& out, bool in_braces);
  bool parse_class(Glob& out);
  bool parse_class_byte(std::uint8_t& out);
  bool parse_braces(Glob& out);
  bool parse_escape(char& out);

  std::string_view text_;
  std::size_t at_ = 0;
  bool name_ = false;
  GlobError error_;
};

bool Parser::parse_path(Glob& out) {
  while (!done()) {
    if (text_.substr(at_).starts_with("//")) {
      return refuse(at_ + 1, "'//' never occurs in a path", "write one '/'");
    }
    out.push_back(literal('/'));
    ++at_;  // is_name() saw the first '/', parse_component stops at the next
    if (!parse_component(out)) return false;
  }
  return true;
}

bool Parser::parse_component(Glob& out) {
  while (text_.substr(at_) == "**" || text_.substr(at_).starts_with("**/")) {
    const bool last = text_.substr(at_) == "**";
    out.push_back({last ? Kind::below : Kind::components, ByteSet{}.set(), {}});
    at_ += last ? 2 : 3;
    if (!done() && peek() == '/') return refuse(at_, "'//' never occurs in a path", "write one '/'");
  }
  const std::size_t begin = at_;
  while (!done() && peek() != '/') {
    if (!parse_item(out, false)) return false;
  }
  const std::string_view component = text_.substr(begin, at_ - begin);
  if (component == "." || component == ".." || component == "\\." || component == "\\.\\." ||
      component == ".\\." || component == "\\..") {
    return refuse(begin, fmt::format("component '{}' never occurs in a path", component),
                  "write the path it leads to");
  }
  return true;
}

bool Parser::parse_name(Glob& out) {
  name_ = true;
  while (!done()) {
    if (peek() == '/') {
      out.push_back(literal('/'));
      ++at_;
    } else if (!parse_item(out, false)) {
      return false;
    }
  }
  return true;
}

bool Parser::parse_item(Glob& out, bool in_braces) {
  const std::size_t begin = at_;
  char c = peek();
  switch (c) {
    case '*':
      if (text_.substr(at_).starts_with("**")) {
        return name_ ? refuse(at_, "'**' has no meaning in a name", "one '*' matches everything here")
                     : refuse(at_, "'**' must be a whole component", "write /**/ or end with /**");
      }
      out.push_back({Kind::many, name_ ? ByteSet{}.set() : all_but_slash(), {}});
      ++at_;
      return true;
    case '?':
      out.push_back({Kind::one, name_ ? ByteSet{}.set() : all_but_slash(), {}});
      ++at_;
      return true;
    case '[': return parse_class(out);
    case ']': return refuse(at_, "']' without '['", "write \\] for the character itself");
    case '{':
      return in_braces ? refuse(at_, "braces inside braces",
                                "write all alternatives in one pair, or a list of patterns")
                       : parse_braces(out);
    case '}': return refuse(at_, "'}' without '{'", "write \\} for the character itself");
    case '\\':
      if (!parse_escape(c)) return false;
      if (c == '/' && !name_) return refuse(begin, "'/' cannot be escaped", "write / alone");
      out.push_back(literal(c));
      return true;
    default: break;
  }
  if (c == '\0' && !name_) return refuse(at_, "a zero byte never occurs in a path");
  out.push_back(literal(c));
  ++at_;
  return true;
}

bool Parser::parse_escape(char& out) {
  if (at_ + 1 >= text_.size())
    return refuse(at_, "backslash at the end escapes nothing", "write \\\\ for a backslash");
  out = text_[at_ + 1];
  at_ += 2;
  return true;
}

bool Parser::parse_class_byte(std::uint8_t& out) {
  char c = peek();
  if (byte_of(c) >= 0x80) {
    return refuse(at_, "a class holds single bytes, and this character is more than one",
                  "use braces: {ä,ö}");
  }
  if (c == '/' && !name_) return refuse(at_, "a class never matches '/'");
  if (c == '[') return refuse(at_, "'[' inside a class", "write \\[ for the character itself");
  if (c != '\\') {
    ++at_;
  } else if (!parse_escape(c)) {
    return false;
  } else if (c == '/' && !name_) {
    return refuse(at_ - 1, "a class never matches '/'");
  }
  out = byte_of(c);
  return true;
}

bool Parser::parse_class(Glob& out) {
  const std::size_t begin = at_++;
  const bool negated = !done() && peek() == '!';
  if (negated) ++at_;
  if (!done() && !negated && peek() == '^')
    return refuse(at_, "'^' at the front of a class", "write [!...] or \\^");
  ByteSet bytes;
  while (!done() && peek() != ']') {
    const std::size_t range = at_;
    std::uint8_t first = 0;
    if (!parse_class_byte(first)) return false;
    std::uint8_t last = first;
    if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
      ++at_;
      if (!parse_class_byte(last)) return false;
    }
    if (last < first) {
      return refuse(range, fmt::format("range '{}' is reversed", text_.substr(range, at_ - range)));
    }
    for (unsigned byte = first; byte <= last; ++byte) bytes.set(byte);
  }
  if (done()) return refuse(begin, "class '[' is not closed", "add ']' or write \\[");
  if (bytes.none()) return refuse(begin, "empty class", "write \\] for a ']' inside a class");
  ++at_;
  if (negated) bytes.flip();
  if (!name_) bytes.reset(byte_of('/'));  // a range over '/' or a negation must not cross components
  if (bytes.none()) return refuse(begin, "this class matches nothing");
  out.push_back({Kind::one, bytes, {}});
  return true;
}

bool Parser::parse_braces(Glob& out) {
  const std::size_t begin = at_++;
  GlobItem item{Kind::alternatives, {}, {{}}};
  while (!done() && peek() != '}') {
    if (peek() == ',') {
      item.alternatives.emplace_back();
      ++at_;
    } else if (peek() == '/' && !name_) {
      return refuse(at_, "'/' inside braces", "write a list of patterns");
    } else if (!parse_item(item.alternatives.back(), true)) {
      return false;
    }
  }
  if (done()) return refuse(begin, "brace '{' is not closed", "add '}' or write \\{");
  ++at_;
  if (item.alternatives.size() < 2)
    return refuse(begin, "braces with one alternative", "write \\{ for the character");
  out.push_back(std::move(item));
  return true;
}

std::expected<bool, GlobError> is_name(std::string_view pattern, GlobUse use) {
  if (pattern.empty())
    return std::unexpected(GlobError{0, "empty pattern", "write a path such as /etc/shadow"});
  if (pattern.size() > kMaxPatternBytes) {
    return std::unexpected(GlobError{0, fmt::format("pattern longer than {} bytes", kMaxPatternBytes), {}});
  }
  if (pattern[0] == '/') return false;
  if (use == GlobUse::socket) {
    if (pattern[0] == '@') return true;
    return std::unexpected(
        GlobError{0, "a socket pattern begins with '/' or '@'", "'@' stands for abstract names"});
  }
  for (const std::string_view prefix : kNamePrefixes) {
    if (use == GlobUse::path && pattern.starts_with(prefix)) return true;
  }
  std::string hint = use == GlobUse::path
                         ? "write /**/NAME for a name anywhere; names without a tree begin with "
                           "memfd: pipe: socket: or anon_inode:"
                         : "write the path below the cgroup root, such as /agents.slice/*.scope";
  return std::unexpected(GlobError{0, "a pattern begins with '/'", std::move(hint)});
}

}  // namespace

std::expected<Glob, GlobError> parse_glob(std::string_view pattern, GlobUse use) {
  const auto name = is_name(pattern, use);
  if (!name) return std::unexpected(name.error());
  Parser parser(pattern);
  Glob glob;
  if (*name ? parser.parse_name(glob) : parser.parse_path(glob)) return glob;
  return std::unexpected(parser.error());
}

std::string literal_prefix(const Glob& glob) {
  std::string out;
  for (const GlobItem& item : glob) {
    if (item.kind != Kind::one || item.bytes.count() != 1) break;
    out += static_cast<char>(item.bytes._Find_first());
  }
  return out;
}

std::string escape_glob(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("*?[]{}\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace holdpoint::policy
