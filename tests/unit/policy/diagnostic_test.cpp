// SPDX-License-Identifier: Apache-2.0
#include "policy/diagnostic.hpp"

#include "policy/text.hpp"
#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

std::string rendered(const std::string& text) {
  const std::vector<SourceText> sources = {{"p.yaml", text}};
  return render(check(sources, GuardPaths{}).diagnostics, sources);
}

TEST(Render, ShowsPlaceLineCaretAndHint) {
  EXPECT_EQ(rendered("version: 1\nrulez: []\n"),
            "p.yaml:2:1: error: unknown key 'rulez' in policy file\n"
            "  rulez: []\n"
            "  ^\n"
            "  hint: did you mean 'rules'?\n");
}

TEST(Render, CaretStandsUnderTheByteInsideAPattern) {
  EXPECT_EQ(rendered("version: 1\nagents:\n  a: {default: deny, cgroups: ['/ä/[x']}\n"),
            "p.yaml:3:36: error: cgroups: class '[' is not closed, at byte 5 of the pattern\n"
            "    a: {default: deny, cgroups: ['/ä/[x']}\n"
            "                                     ^\n"
            "  hint: add ']' or write \\[\n");
}

TEST(Render, APolicyFileCannotWriteToTheTerminal) {
  const std::string out = rendered("version: 1\n\"x\\e[2J\": 1 # \xe2\x80\xae\n");
  EXPECT_EQ(out.find('\x1b'), std::string::npos);
  EXPECT_EQ(out.find("\xe2\x80\xae"), std::string::npos);
  EXPECT_NE(out.find("unknown key 'x?[2J'"), std::string::npos) << out;
}

TEST(Text, Utf8IsCheckedStrictly) {
  EXPECT_EQ(invalid_utf8("aä€𝄞"), std::nullopt);
  EXPECT_EQ(invalid_utf8("a\x80"), 1U);
  EXPECT_EQ(invalid_utf8("\xc0\xaf"), 0U) << "overlong";
  EXPECT_EQ(invalid_utf8("\xe0\x80\x80"), 0U) << "overlong";
  EXPECT_EQ(invalid_utf8("\xed\xbf\xbf"), 0U) << "surrogate";
  EXPECT_EQ(invalid_utf8("\xf4\x90\x80\x80"), 0U) << "beyond Unicode";
  EXPECT_EQ(invalid_utf8("\xe2\x82"), 0U) << "cut";
}

TEST(Text, NumbersInNamesCompareAsNumbers) {
  EXPECT_TRUE(natural_less("9-a", "10-a"));
  EXPECT_TRUE(natural_less("10-a", "10-b"));
  EXPECT_TRUE(natural_less("a", "a1"));
  EXPECT_FALSE(natural_less("10-a", "10-a"));
  EXPECT_NE(natural_less("01-a", "1-a"), natural_less("1-a", "01-a"));
  EXPECT_TRUE(natural_less("99999999999999999999", "100000000000000000000"))
      << "longer than any integer type";
}

TEST(Text, FarWordsAreNotSuggested) {
  const std::string_view known[] = {"path", "verdict", "tcp"};
  EXPECT_EQ(nearest_word("paht", known), "path");
  EXPECT_EQ(nearest_word("verdikt", known), "verdict");
  EXPECT_EQ(nearest_word("icmp", known), std::nullopt);
  EXPECT_EQ(nearest_word("", known), std::nullopt);
}

}  // namespace
}  // namespace holdpoint::policy
