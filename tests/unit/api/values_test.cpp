// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/http.hpp"
#include "api/sse.hpp"
#include "api/time_text.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Duration, IsReadFromNumbersWithUnits) {
  EXPECT_EQ(parse_duration("90s"), Duration(seconds(90)));
  EXPECT_EQ(parse_duration("1h30m"), Duration(minutes(90)));
  EXPECT_EQ(parse_duration("250ms"), Duration(milliseconds(250)));
  EXPECT_EQ(parse_duration("2d"), Duration(hours(48)));
}

TEST(Duration, RefusesWhatHasNoUnitOrIsNegativeOrEndless) {
  for (const char* text :
       {"", "5", "m", "-5m", "5 m", "5m ", "1.5h", "5y", "366d", "99999999999999999999s", "364d300000h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsShownByItsTwoLargestUnits) {
  EXPECT_EQ(duration_text(hours(26) + minutes(5)), "1d 2h");
  EXPECT_EQ(duration_text(seconds(59)), "59s");
  EXPECT_EQ(duration_text(minutes(30)), "30m");
  EXPECT_EQ(duration_text(hours(1) + seconds(4)), "1h");
  EXPECT_EQ(duration_text(milliseconds(3)), "0s");
}

TEST(Time, SurvivesBeingWrittenAndReadBack) {
  const WallTime time =
      WallTime(std::chrono::sys_days(std::chrono::year(2024) / 2 / 29)) + hours(23) + milliseconds(7);
  EXPECT_EQ(rfc3339(time), "2024-02-29T23:00:00.007Z");
  EXPECT_EQ(parse_rfc3339(rfc3339(time)), time);
}

TEST(Time, IsReadWithOffsetsAndFractions) {
  const auto utc = parse_rfc3339("2026-01-31T08:15:00Z");
  ASSERT_TRUE(utc);
  EXPECT_EQ(parse_rfc3339("2026-01-31T10:15:00+02:00"), utc);
  EXPECT_EQ(parse_rfc3339("2026-01-31T08:15:00.000000000Z"), utc);
  for (const char* text :
       {"", "2026-02-30T00:00:00Z", "2026-01-31", "2026-01-31T08:15:00", "2026-01-31T24:15:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Target, IsSplitAndDecoded) {
  const auto in = parse_target("/v1/requests?agent=a%26b+c&state=open");
  ASSERT_TRUE(in);
  EXPECT_EQ(in->path, "/v1/requests");
  EXPECT_EQ(in->query.at("agent"), "a&b c");
  EXPECT_EQ(in->query.at("state"), "open");
}

TEST(Target, RefusesBrokenEscapesNulAndKeysGivenTwice) {
  for (const char* text : {"", "x", "http://x/", "/a%", "/a%2", "/a%zz", "/a%00", "/a?x=1&x=2", "/a?x=%4"}) {
    EXPECT_FALSE(parse_target(text)) << text;
  }
}

StreamEvent event(std::uint64_t sequence) { return {sequence, "hold", R"({"detail":"x"})"}; }

TEST(SseEvent, IsOneDataLineWhateverTheRecordHolds) {
  const std::string text = sse_event({7, "decision", "{\"detail\":\"a\\nb\",\n \"x\":1}"});
  EXPECT_TRUE(text.starts_with("id: 7\nevent: decision\ndata: {"));
  EXPECT_TRUE(text.ends_with("}\n\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(SseEvent, ShowsThatARecordCannotBeShown) {
  EXPECT_NE(sse_event({7, "hold", "not json"}).find("cannot be shown"), std::string::npos);
}

TEST(StreamQueue, HandsOutEachRecordOnceWhenItCatchesUp) {
  StreamQueue queue(4);
  queue.catch_up_from(1);
  queue.add(event(3));  // comes while pages are read; the page holds it, too
  EXPECT_NE(queue.take_page({event(2), event(3)}).find("id: 3"), std::string::npos);
  EXPECT_TRUE(queue.catching_up());
  EXPECT_EQ(queue.take_page({}), "");
  EXPECT_FALSE(queue.catching_up());
  queue.add(event(3));
  EXPECT_EQ(queue.take(), "");
  queue.add(event(4));
  EXPECT_NE(queue.take().find("id: 4"), std::string::npos);
  EXPECT_EQ(queue.take(), "");
}

TEST(StreamQueue, GivesUpAReaderThatLagsAndHoldsNoMoreThanItsBound) {
  StreamQueue queue(2);
  for (std::uint64_t i = 1; i <= 2; ++i) queue.add(event(i));
  EXPECT_FALSE(queue.overflowed());
  queue.add(event(3));
  EXPECT_TRUE(queue.overflowed());
  EXPECT_EQ(queue.take(), "");
}

TEST(Wire, ReplacesBytesThatAreNoUtf8) { EXPECT_EQ(dump(nlohmann::json("a\xff")), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace holdpoint::api
