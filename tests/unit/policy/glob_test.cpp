// SPDX-License-Identifier: Apache-2.0
// Patterns against texts; every case is also put to the compiled tables.
#include "policy/glob.hpp"

#include <fmt/format.h>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

bool matches(std::string_view pattern, std::string_view text, GlobUse use = GlobUse::path) {
  const auto glob = parse_glob(pattern, use);
  EXPECT_TRUE(glob.has_value()) << pattern << ": " << (glob ? "" : glob.error().message);
  if (!glob) return false;
  const bool found = glob_matches(*glob, text);
  AgentPolicy policy{0, "a", std::vector<Rule>(2)};
  policy.rules[0].paths = {{std::string(pattern), {}, *glob}};
  policy.rules[0].operations = policy.rules[1].operations = operation_bit(HP_OP_READ);
  const auto image = compile(policy, {}, 1);
  EXPECT_TRUE(image.has_value());
  if (!image) return found;
  EXPECT_EQ(evaluate_image(**image, read_of(std::string(text))).rule == 0, found) << pattern << " " << text;
  return found;
}

std::string error_of(std::string_view pattern, GlobUse use = GlobUse::path) {
  const auto glob = parse_glob(pattern, use);
  return glob ? "" : fmt::format("{}: {}", glob.error().offset, glob.error().message);
}

TEST(Glob, DoubleStarAtTheEndIsEverythingBelowAndNotTheDirectory) {
  EXPECT_TRUE(matches("/a/**", "/a/b"));
  EXPECT_TRUE(matches("/a/**", "/a/b/c"));
  EXPECT_TRUE(matches("/**", "/x"));
  EXPECT_FALSE(matches("/a/**", "/a"));
  EXPECT_FALSE(matches("/a/**", "/ab"));
  EXPECT_FALSE(matches("/**", "/"));
}

TEST(Glob, DoubleStarInsideIsAnyNumberOfComponentsAlsoNone) {
  EXPECT_TRUE(matches("/a/**/b", "/a/b"));
  EXPECT_TRUE(matches("/a/**/b", "/a/x/b"));
  EXPECT_TRUE(matches("/a/**/b", "/a/x/y/b"));
  EXPECT_TRUE(matches("/**/.env", "/.env"));
  EXPECT_TRUE(matches("/**/a/**/b", "/x/a/y/z/b"));
  EXPECT_TRUE(matches("/a/**/**/b", "/a/b"));
  EXPECT_FALSE(matches("/a/**/b", "/a/xb"));
  EXPECT_FALSE(matches("/a/**/b", "/a/b/c"));
  EXPECT_FALSE(matches("/**/.env", "/x/y.env"));
}

TEST(Glob, StarAndQuestionMarkStayInsideAComponent) {
  EXPECT_TRUE(matches("/home/*/.ssh/id_*", "/home/u/.ssh/id_rsa"));
  EXPECT_TRUE(matches("/a*", "/a"));
  EXPECT_TRUE(matches("/a?c", "/abc"));
  EXPECT_TRUE(matches("/*a*a*", "/bananas"));
  EXPECT_FALSE(matches("/home/*/x", "/home/a/b/x"));
  EXPECT_FALSE(matches("/a?c", "/a/c"));
  EXPECT_FALSE(matches("/a?", "/a"));
}

TEST(Glob, PatternsMatchBytesNotCharacters) {
  EXPECT_TRUE(matches("/\xc3\xa4", "/\xc3\xa4"));
  EXPECT_FALSE(matches("/?", "/\xc3\xa4"));
  EXPECT_TRUE(matches("/??", "/\xc3\xa4"));
  EXPECT_TRUE(matches("/*", "/\xff\n\x01"));
}

TEST(Glob, ClassesMatchOneByteAndNeverASlash) {
  EXPECT_TRUE(matches("/[a-c]x", "/bx"));
  EXPECT_TRUE(matches("/[!a-c]x", "/dx"));
  EXPECT_TRUE(matches("/[-a]", "/-"));
  EXPECT_TRUE(matches("/[a-]", "/-"));
  EXPECT_TRUE(matches("/[\\]\\-z]", "/]"));
  EXPECT_FALSE(matches("/[a-c]x", "/dx"));
  EXPECT_FALSE(matches("/a[!b]c", "/a/c"));
  EXPECT_FALSE(matches("/a[.-0]c", "/a/c"));
}

TEST(Glob, BracesAreAlternativesOfOneComponent) {
  EXPECT_TRUE(matches("/{a,bc}/x", "/bc/x"));
  EXPECT_TRUE(matches("/x{,.bak}", "/x"));
  EXPECT_TRUE(matches("/{*.key,*.pem}", "/k.pem"));
  EXPECT_FALSE(matches("/{a,bc}/x", "/b/x"));
}

TEST(Glob, BackslashTakesTheNextByteLiterally) {
  EXPECT_TRUE(matches("/a\\*b", "/a*b"));
  EXPECT_FALSE(matches("/a\\*b", "/axb"));
  EXPECT_TRUE(matches("/\\{a\\\\", "/{a\\"));
}

TEST(Glob, NamesHaveNoComponentsSoASlashInThemHidesNothing) {
  EXPECT_TRUE(matches("memfd:*", "memfd:a/b"));
  EXPECT_TRUE(matches("memfd:a?b", "memfd:a/b"));
  EXPECT_TRUE(matches("@*", "@/tmp/.X11-unix/X0", GlobUse::socket));
  EXPECT_TRUE(matches("@/tmp/.X11-unix/*", "@/tmp/.X11-unix/X0", GlobUse::socket));
  EXPECT_FALSE(matches("memfd:*", "/memfd:a"));
  EXPECT_FALSE(matches("@x*", "@y", GlobUse::socket));
  EXPECT_TRUE(matches("@a*", std::string_view("@a\0b", 4), GlobUse::socket));
}

TEST(Glob, ImpossiblePatternsAreErrorsWithTheirOffset) {
  EXPECT_EQ(error_of("/a/[bc"), "3: class '[' is not closed");
  EXPECT_EQ(error_of("/a[]"), "2: empty class");
  EXPECT_EQ(error_of("/a[!]"), "2: empty class");
  EXPECT_EQ(error_of("/[z-a]"), "2: range 'z-a' is reversed");
  EXPECT_EQ(error_of("/a\\"), "2: backslash at the end escapes nothing");
  EXPECT_EQ(error_of("/[\\"), "2: backslash at the end escapes nothing");
  EXPECT_EQ(error_of("/[^a]"), "2: '^' at the front of a class");
  EXPECT_EQ(error_of("/[/]"), "2: a class never matches '/'");
  EXPECT_EQ(error_of("/[\xc3\xa4]"), "2: a class holds single bytes, and this character is more than one");
  EXPECT_EQ(error_of("/a**"), "2: '**' must be a whole component");
  EXPECT_EQ(error_of("/**a"), "1: '**' must be a whole component");
  EXPECT_EQ(error_of("/***"), "1: '**' must be a whole component");
  EXPECT_EQ(error_of("//a"), "1: '//' never occurs in a path");
  EXPECT_EQ(error_of("/a//b"), "3: '//' never occurs in a path");
  EXPECT_EQ(error_of("/**//b"), "4: '//' never occurs in a path");
  EXPECT_EQ(error_of("/a/./b"), "3: component '.' never occurs in a path");
  EXPECT_EQ(error_of("/**/.."), "4: component '..' never occurs in a path");
  EXPECT_EQ(error_of("/\\.."), "1: component '\\..' never occurs in a path");
  EXPECT_EQ(error_of("/{a,b"), "1: brace '{' is not closed");
  EXPECT_EQ(error_of("/{a/b,c}"), "3: '/' inside braces");
  EXPECT_EQ(error_of("/{a,{b,c}}"), "4: braces inside braces");
  EXPECT_EQ(error_of("/{a}"), "1: braces with one alternative");
  EXPECT_EQ(error_of("/a}"), "2: '}' without '{'");
  EXPECT_EQ(error_of("/a]"), "2: ']' without '['");
  EXPECT_EQ(error_of(""), "0: empty pattern");
  EXPECT_EQ(error_of("a/b"), "0: a pattern begins with '/'");
  EXPECT_EQ(error_of("*"), "0: a pattern begins with '/'");
  EXPECT_EQ(error_of("@x"), "0: a pattern begins with '/'");
  EXPECT_EQ(error_of("memfd:x", GlobUse::cgroup), "0: a pattern begins with '/'");
  EXPECT_EQ(error_of("memfd:**"), "6: '**' has no meaning in a name");
  EXPECT_EQ(error_of(std::string_view("/a\0", 3)), "2: a zero byte never occurs in a path");
  EXPECT_EQ(error_of("/" + std::string(4096, 'a')), "0: pattern longer than 4096 bytes");
}

TEST(Glob, EscapedTextMatchesExactlyItself) {
  const std::string text = "/a*?[]{},\\b-!";
  EXPECT_TRUE(matches(escape_glob(text), text));
  EXPECT_FALSE(matches(escape_glob(text), "/ax?[]{},\\b-!"));
}

}  // namespace
}  // namespace holdpoint::policy
