// SPDX-License-Identifier: Apache-2.0
#include "cli/arguments.hpp"

#include <gtest/gtest.h>

#include <array>

#include "cli/sse_parser.hpp"

namespace holdpoint::cli {
namespace {

constexpr std::array options{Option{"agent", "NAME", ""}, Option{"json", "", ""},
                             Option{"label", "K=V", "", true}};
constexpr Shape plain{options, 0, 1, false};
constexpr Shape command{options, 0, 0, true};

std::expected<Arguments, std::string> parse(std::vector<std::string> words, const Shape& shape = plain) {
  return parse_arguments(words, shape);
}

TEST(Arguments, TakeOptionsBeforeAndAfterPositionals) {
  const auto out = parse({"--agent", "coder", "r-1", "--json"});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->value("agent"), "coder");
  EXPECT_TRUE(out->has("json"));
  EXPECT_EQ(out->positional, std::vector<std::string>{"r-1"});
}

TEST(Arguments, TakeValuesAfterAnEqualsSign) { EXPECT_EQ(parse({"--agent=a=b"})->value("agent"), "a=b"); }

TEST(Arguments, LeaveTheCommandAlone) {
  const auto out = parse({"--label", "a=b", "--label", "c=d", "--", "ls", "--json", "--", "x"}, command);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->values("label").size(), 2U);
  EXPECT_FALSE(out->has("json"));
  EXPECT_EQ(out->command, (std::vector<std::string>{"ls", "--json", "--", "x"}));
}

TEST(Arguments, LeaveTheCommandAloneWithoutDashesToo) {
  EXPECT_EQ(parse({"ls", "--json"}, command)->command, (std::vector<std::string>{"ls", "--json"}));
}

TEST(Arguments, SayWhatIsWrong) {
  EXPECT_EQ(parse({"--jsn"}).error(), "unknown option --jsn; did you mean --json?");
  EXPECT_EQ(parse({"--agent"}).error(), "--agent needs a value: --agent NAME");
  EXPECT_EQ(parse({"--json=1"}).error(), "--json takes no value");
  EXPECT_EQ(parse({"--json", "--json"}).error(), "--json is given twice");
  EXPECT_EQ(parse({"a", "b"}).error(), "\"b\" is one argument too many");
  EXPECT_EQ(parse({"-x"}).error(), "unknown option -x; options have two dashes");
  EXPECT_EQ(parse({}, Shape{options, 1, 1, false, "ID --json"}).error(), "ID is missing");
  EXPECT_EQ(parse({"--"}, command).error(), "the command to run is missing");
}

TEST(Nearest, FindsASlipOfTheFingerAndNothingElse) {
  constexpr std::array<std::string_view, 2> words{"requests", "approve"};
  EXPECT_EQ(nearest("aprove", words), "approve");
  EXPECT_EQ(nearest("xyz", words), "");
}

TEST(SseParser, PutsEventsTogetherFromAnyPieces) {
  const std::string text = ": hello\n\nid: 7\r\nevent: hold\r\ndata: {\"a\":\ndata: 1}\n\nid: 8\ndata:x\n\n";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    SseParser parser;
    std::vector<SseEvent> events;
    for (std::size_t at = 0; at < text.size(); at += size) {
      const auto complete = parser.feed(text.substr(at, size));
      ASSERT_TRUE(complete);
      events.insert(events.end(), complete->begin(), complete->end());
    }
    ASSERT_EQ(events.size(), 2U) << size;
    EXPECT_EQ(events[0].id, "7");
    EXPECT_EQ(events[0].kind, "hold");
    EXPECT_EQ(events[0].data, "{\"a\":\n1}");
    EXPECT_EQ(events[1].id, "8");
    EXPECT_EQ(events[1].kind, "message");
    EXPECT_EQ(events[1].data, "x");
  }
}

TEST(SseParser, RefusesAnEventWithoutEnd) {
  SseParser parser;
  const std::string piece(1024 * 1024, 'x');
  bool refused = false;
  for (int i = 0; i < 8 && !refused; ++i) refused = !parser.feed(piece).has_value();
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace holdpoint::cli
