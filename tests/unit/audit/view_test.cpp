// SPDX-License-Identifier: Apache-2.0
// The JSON and the line of a record, whole: other programs depend on every character of the JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/json.hpp"
#include "audit/line.hpp"
#include "audit/time_text.hpp"
#include "unit/audit/builders.hpp"

namespace holdpoint::audit {
namespace {

using namespace testing_values;
using ::testing::HasSubstr;

constexpr ClockStyle utc{.utc = true};

v1::Record placed(const Entry& entry) {
  auto record = entry.record();
  record.set_sequence(7);
  record.set_host("host1");
  record.set_boot_id("boot-1");
  record.set_wall_time_ns(1'795'551'243'000'000'001);
  record.set_boot_time_ns(5);
  return record;
}

TEST(Json, MembersAndTheirOrderAreFixed) {
  EXPECT_EQ(
      to_json(placed(held(request(), request().holds[0]))),
      R"({"sequence":7,"time":"2026-11-24T20:14:03.000000001Z","boot_time_ns":5,"boot_id":"boot-1","host":"host1",)"
      R"("kind":"hold","agent":"coder","session":12,"request":"r-17","hold":5,"rule":"ssh-keys","digest":"00ff",)"
      R"("policy_generation":3,"refused":false,"by_grant":false,"access":{"operation":"read",)"
      R"("object":"/home/ada/.ssh/id_ed25519","executable":"/usr/bin/cat","directory":"/home/ada",)"
      R"("ancestors":[{"pid":1,"command":"init"}]},"process":{"pid":4711,"tid":4712,"comm":"cat","uid":1000,)"
      R"("start_time_ns":99}})");
}

TEST(Json, DecisionNamesThePerson) {
  const auto json = to_json(placed(decided(decided_request(true))));
  EXPECT_THAT(json, HasSubstr(R"("actor":{"kind":"unix","id":"1001","name":"grace"})"));
  EXPECT_THAT(
      json,
      HasSubstr(R"("approve":true,"scope":"once","reason":"needed for the deploy","channel":"unix-api")"));
}

TEST(Json, LabelsAreSorted) {
  EXPECT_THAT(to_json(placed(session_started(session()))),
              HasSubstr(R"("labels":{"branch":"main","environment":"production"})"));
}

TEST(Json, SaysHowMuchWasHidden) {
  auto asked = request();
  event::Access access;
  access.path = "/x/A_TOKEN=canary";
  asked.access = event::mask(access, {}, {}, {});
  EXPECT_THAT(to_json(placed(request_opened(asked))), HasSubstr(R"("hidden_bytes":6)"));
}

TEST(Json, IsOneLineOfUtf8WhateverTheFileHeld) {
  v1::Record record;
  record.set_agent("a\nb\xff");
  const auto json = to_json(record);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  EXPECT_THAT(json, HasSubstr("a\\nb\ufffd"));
}

TEST(Line, ReadsAsAPersonExpects) {
  EXPECT_EQ(
      line(placed(held(request(), request().holds[0])), utc),
      "20:14:03  held        coder#12    read /home/ada/.ssh/id_ed25519  by cat[4711]  r-17  rule ssh-keys");
}

TEST(Line, TellsAPersonsRefusalFromADeadline) {
  EXPECT_THAT(line(placed(decided(decided_request(false))), utc), HasSubstr("refused     coder#12"));
  auto late = request();
  late.outcome = "nobody answered within 15m";
  const auto text = line(placed(expired(late)), utc);
  EXPECT_THAT(text, HasSubstr("expired     coder#12"));
  EXPECT_THAT(text, HasSubstr("nobody answered within 15m"));
}

TEST(Line, TellsWhatAnOperatorSwitched) {
  const approval::Principal root{"unix", "0", "root"};
  const auto why = event::mask("restore");
  EXPECT_EQ(line(placed(locked_down({"coder", 0}, "coder", why, root)), utc),
            "20:14:03  lockdown    coder       by root  agent  — restore");
  const WallTime until(std::chrono::nanoseconds(1'795'551'303'000'000'000));
  EXPECT_EQ(line(placed(disarmed({why, root, {}, until, {}})), utc),
            "20:14:03  disarm      -           by root  — restore  until 20:15:03");
}

TEST(Line, SaysOnceWhatAnObservedRuleWouldHaveDone) {
  event::Event event{};
  event.kind = HP_EVENT_OBSERVED;
  KernelView view;
  view.agent = "coder";
  view.rule = "secrets";
  view.verdict = "deny";
  view.reason = event::mask("No secrets");
  const auto text = line(placed(kernel_event(event, view)), utc);
  EXPECT_THAT(text, HasSubstr("would deny"));
  EXPECT_THAT(text, HasSubstr("rule secrets  — No secrets"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("the policy says")));
}

TEST(Line, ShowsArgumentsWithTheirBorders) {
  auto asked = request();
  event::Access access;
  access.fixed.identity.operations = 1U << HP_OP_EXEC;
  access.path = "/bin/sh";
  access.argv = {"sh", "-c", "ls -l"};
  asked.access = event::mask(access, {}, {}, {});
  EXPECT_THAT(line(placed(request_opened(asked)), utc), HasSubstr("exec /bin/sh -c 'ls -l'"));
}

TEST(Line, DateIsShownWhenWanted) {
  EXPECT_THAT(line(placed(lost("events", 3)), {.date = true, .utc = true}),
              ::testing::StartsWith("2026-11-24 20:14:03  LOST"));
}

TEST(LineOfJson, IsTheSameAsFromTheRecord) {
  const auto record = placed(decided(decided_request(true)));
  EXPECT_EQ(*line_of_json(to_json(record), utc), line(record, utc));
}

TEST(LineOfJson, NothingFromAForeignServerReachesTheTerminal) {
  const auto text = line_of_json(
      "{\"sequence\":1,\"kind\":\"x\\u001b[2J\",\"agent\":\"\\u202e\",\"time\":\"\\u0007\"}", utc);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->find('\x1b'), std::string::npos);
  EXPECT_THAT(*text, HasSubstr("\\x1b[2J"));
  EXPECT_THAT(*text, HasSubstr("\\u{202E}"));
}

TEST(LineOfJson, WhatIsNoRecordIsAnError) {
  for (const char* bad : {"", "{", "[]", "{}", "7", "{\"kind\":\"x\"}"})
    EXPECT_FALSE(line_of_json(bad, utc)) << bad;
  EXPECT_TRUE(line_of_json("{\"kind\":[],\"sequence\":{},\"access\":7,\"process\":\"x\"}", utc));
}

TEST(Rfc3339, KeepsNanosecondsAndTimesBefore1970) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
}

}  // namespace
}  // namespace holdpoint::audit
