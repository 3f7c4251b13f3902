// SPDX-License-Identifier: Apache-2.0
#include "cli/text.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "cli/table.hpp"

namespace holdpoint::cli {
namespace {

using std::chrono::minutes;

std::string joined(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

TEST(Printable, ShowsWhatATerminalWouldActOn) {
  EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(printable("one\ntwo\r"), "one\\x0atwo\\x0d");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");                  // C1 control sequence introducer
  EXPECT_EQ(printable("\xe2\x80\xae txt"), "\\u{202e} txt");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc0\xaf"), "\\xff\\xc0\\xaf");    // no UTF-8, overlong
}

TEST(Printable, LeavesOrdinaryTextAlone) { EXPECT_EQ(printable("/home/zoë/日本 x"), "/home/zoë/日本 x"); }

TEST(EscapedLines, EndAtLineBreaksAndNotAtDoubledBackslashes) {
  EXPECT_EQ(escaped_lines("a\\nb\\\\n c\\n"), (std::vector<std::string>{"a", "b\\\\n c"}));
  EXPECT_EQ(escaped_lines("x\\"), std::vector<std::string>{"x\\"});
  EXPECT_TRUE(escaped_lines("").empty());
}

TEST(Wrap, LosesNothingAndKeepsToTheWidth) {
  const std::string path = "/very/long/path/without/any/space/that/does/not/fit/into/twenty/columns";
  const auto lines = wrap(path, 20);
  EXPECT_EQ(joined(lines), path);
  for (const auto& line : lines) EXPECT_LE(display_width(line), 20U);
}

TEST(Wrap, BreaksBehindSlashes) {
  EXPECT_EQ(wrap("/alpha/beta/gamma", 14), (std::vector<std::string>{"/alpha/beta/", "gamma"}));
}

TEST(Wrap, PrefersSpaces) {
  EXPECT_EQ(wrap("alpha beta gamma", 12), (std::vector<std::string>{"alpha beta", "gamma"}));
}

TEST(Wrap, NeverSplitsACharacter) {
  for (const auto& line : wrap("ëëëëëëë", 3)) EXPECT_EQ(printable(line), line);
}

TEST(Relative, ReadsAsAPersonSpeaks) {
  const WallTime now{std::chrono::hours(1000)};
  EXPECT_EQ(relative(now - minutes(2), now), "2m ago");
  EXPECT_EQ(relative(now + minutes(13), now), "in 13m");
  EXPECT_EQ(relative(now, now), "now");
}

TEST(ShellWord, QuotesWhatAShellWouldSplitOrExpand) {
  EXPECT_EQ(shell_word("plain-1.2/x"), "plain-1.2/x");
  EXPECT_EQ(shell_word("two words"), "'two words'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("$(reboot)"), "'$(reboot)'");
}

Table sample() {
  Table table({"ID", "AGENT", "WHAT"});
  table.add({{"r-1"}, {"coder"}, {"read /home/ada/projects/shop/secrets/production/id_ed25519"}});
  table.add({{"r-1000"}, {"c"}, {"exec x"}});
  return table;
}

TEST(Table, AlignsItsColumns) {
  EXPECT_EQ(sample().draw(Terminal{}),
            "ID      AGENT  WHAT\n"
            "r-1     coder  read /home/ada/projects/shop/secrets/production/id_ed25519\n"
            "r-1000  c      exec x\n");
}

TEST(Table, WrapsItsLastColumnInsteadOfCuttingIt) {
  EXPECT_EQ(sample().draw(Terminal{.width = 50}),
            "ID      AGENT  WHAT\n"
            "r-1     coder  read /home/ada/projects/shop/\n"
            "               secrets/production/id_ed25519\n"
            "r-1000  c      exec x\n");
}

TEST(Table, GivesTheLastColumnLinesOfItsOwnWhenThereIsNoRoomBeside) {
  EXPECT_EQ(sample().draw(Terminal{.width = 38}),
            "ID      AGENT\n"
            "    WHAT\n"
            "r-1     coder\n"
            "    read /home/ada/projects/shop/\n"
            "    secrets/production/id_ed25519\n"
            "r-1000  c\n"
            "    exec x\n");
}

TEST(Terminal, PaintsOnlyWhereColoursAreWanted) {
  EXPECT_EQ(Terminal{}.paint(Colour::red, "x"), "x");
  EXPECT_EQ((Terminal{.width = 80, .colours = true}.paint(Colour::red, "x")), "\x1b[31mx\x1b[0m");
}

}  // namespace
}  // namespace holdpoint::cli
