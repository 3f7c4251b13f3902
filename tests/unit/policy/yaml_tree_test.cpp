// SPDX-License-Identifier: Apache-2.0
#include "policy/yaml_tree.hpp"

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

// The first error, as "line:column: message".
std::string first_error(std::string text) {
  const CheckResult result = check_text(std::move(text));
  for (const Diagnostic& d : result.diagnostics) {
    if (d.severity == Severity::error) {
      EXPECT_FALSE(result.policy.has_value());
      return std::to_string(d.line) + ":" + std::to_string(d.column) + ": " + d.message;
    }
  }
  return "";
}

TEST(YamlTree, DuplicateKeyIsAnErrorWithBothPlaces) {
  EXPECT_EQ(first_error("version: 1\nagents:\n  a: {default: allow}\n  a: {default: deny}\n"),
            "4:3: key 'a' is given twice; the first is at p.yaml:3:3");
}

TEST(YamlTree, AnchorsAreRefused) {
  EXPECT_EQ(first_error("version: 1\nagents: &x\n  a: {default: allow}\n"),
            "2:9: anchor '&x' is not allowed");
}

TEST(YamlTree, AliasesAreRefused) {
  EXPECT_EQ(first_error("version: 1\nagents:\n  a: {default: allow, cgroups: [*x]}\n"),
            "3:33: alias '*x' is not allowed");
}

TEST(YamlTree, TagsAreRefused) {
  EXPECT_EQ(first_error("version: !!int 1\n"), "1:10: tag 'tag:yaml.org,2002:int' is not allowed");
}

TEST(YamlTree, ASecondDocumentIsRefused) {
  EXPECT_EQ(first_error("version: 1\n---\nversion: 1\n"), "2:1: a second document is not allowed");
}

TEST(YamlTree, NestingDeeperThanTheBoundIsRefused) {
  const std::string deep = "version: " + std::string(40, '[') + std::string(40, ']') + "\n";
  EXPECT_EQ(first_error(deep), "1:41: nested deeper than 32 levels");
}

TEST(YamlTree, AFileOverTheBoundIsRefused) {
  EXPECT_EQ(first_error("version: 1\n" + std::string(kMaxFileBytes, '#')),
            "1:1: the file has 1048587 bytes; at most 1048576 are read");
}

TEST(YamlTree, BytesThatAreNotUtf8AreAnErrorWithTheirPlace) {
  EXPECT_EQ(first_error("version: 1\n# ä\xff\n"), "2:4: byte 0xff is not UTF-8");
  EXPECT_EQ(first_error("version: 1\n# \xc0\xaf\n"), "2:3: byte 0xc0 is not UTF-8");
  EXPECT_EQ(first_error("version: 1\n# \xed\xa0\x80\n"), "2:3: byte 0xed is not UTF-8");
}

TEST(YamlTree, OtherEncodingsAndByteOrderMarksAreRefused) {
  EXPECT_EQ(first_error("\xef\xbb\xbfversion: 1\n"), "1:1: the file begins with a byte order mark");
  EXPECT_EQ(first_error(std::string("\xff\xfev\0", 4)), "1:1: byte 0xff is not UTF-8");
}

TEST(YamlTree, AnEmptyFileIsAnError) {
  EXPECT_EQ(first_error(""), "1:1: the file is empty");
  EXPECT_EQ(first_error("# only a comment\n"), "1:1: the file is empty");
}

TEST(YamlTree, SyntaxErrorsHaveTheirPlace) {
  EXPECT_EQ(first_error("version: 1\nagents: {a: [}\n").substr(0, 5), "2:14:");
  EXPECT_EQ(first_error("version: 1\n\tagents: 1\n").substr(0, 4), "2:1:");
}

TEST(YamlTree, AKeyThatIsAListIsAnError) {
  EXPECT_EQ(first_error("version: 1\n? [a]\n: 1\n"), "2:3: a key must be a plain word");
}

TEST(YamlTree, PlacesInsideAScalarCountCharacters) {
  Diagnostics out({"p"});
  const auto root = read_yaml({"p", "[/äö/x, '/äö/x', \"/\\u00e4/x\"]"}, 0, out);
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(place_inside(root->items[0], 6).column, 6U);          // "/äö/" is four characters, six bytes
  EXPECT_EQ(place_inside(root->items[1], 6).column, 9U + 1 + 4);  // behind the quote
  EXPECT_EQ(place_inside(root->items[2], 3).column, 18U) << "escapes: the scalar's own place";
}

}  // namespace
}  // namespace holdpoint::policy
