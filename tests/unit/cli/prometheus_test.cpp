// SPDX-License-Identifier: Apache-2.0
#include "cli/prometheus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/time_text.hpp"

namespace holdpoint::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

const json kHealth = {{"enforcing", true},
                      {"version", "1.2"},
                      {"problems", json::array({"one"})},
                      {"lockdowns", json::array({json::object()})},
                      {"started", "2026-01-01T00:00:00Z"},
                      {"counters", {{"allowed", 7}, {"lost_events", 2}, {"api-requests", 5}}}};
const json kOpen = {{"requests", json::array({{{"created", "2026-01-01T00:00:30Z"}},
                                              {{"created", "2026-01-01T00:00:50Z"}}})}};
const json kSessions = {{"sessions", json::array({{{"agent", "a"}, {"ended", nullptr}},
                                                  {{"agent", "b"}, {"ended", nullptr}},
                                                  {{"agent", "a"}, {"ended", nullptr}},
                                                  {{"agent", "a"}, {"ended", "2026-01-01T00:00:40Z"}},
                                                  {{"agent", "c"}, {"ended", "2026-01-01T00:00:40Z"}}})}};

std::string text() {
  return prometheus_text(kHealth, kOpen, kSessions, *api::parse_rfc3339("2026-01-01T00:01:00Z"));
}

TEST(Prometheus, TellsWhatWaitsAndForHowLong) {
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_requests_open 2\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_oldest_request_seconds 30\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_uptime_seconds 60\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_problems 1\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_lockdowns 1\n"));
}

TEST(Prometheus, CountsSessionsThatAreAliveByAgent) {
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_sessions{agent=\"a\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_sessions{agent=\"b\"} 1\n"));
  EXPECT_THAT(text(), Not(HasSubstr("{agent=\"c\"}")));
}

TEST(Prometheus, EachLossHasItsReasonAndNoCounterIsLeftOut) {
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_accesses_total{outcome=\"allowed\"} 7\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_lost_total{reason=\"lost_events\"} 2\n"));
  EXPECT_THAT(text(), HasSubstr("\nholdpoint_counter_total{name=\"api-requests\"} 5\n"));
}

TEST(Prometheus, EachFamilyIsDescribedOnceBeforeItsSamples) {
  const std::string all = text();
  for (const char* name :
       {"holdpoint_up", "holdpoint_sessions", "holdpoint_accesses_total", "holdpoint_lost_total"}) {
    const auto head = all.find(std::string("# TYPE ") + name + " ");
    ASSERT_NE(head, std::string::npos) << name;
    EXPECT_EQ(all.find(std::string("# TYPE ") + name + " ", head + 1), std::string::npos) << name;
    EXPECT_LT(head, all.find(std::string("\n") + name)) << name;
  }
}

TEST(Prometheus, AValueCannotBreakOutOfItsLabel) {
  json health = kHealth;
  health["version"] = "1\"} 0\nx\\";
  EXPECT_THAT(prometheus_text(health, kOpen, kSessions, {}), HasSubstr("{version=\"1\\\"} 0\\nx\\\\\"} 1\n"));
}

TEST(Prometheus, WithoutADaemonThereIsOneLineThatSaysSo) {
  EXPECT_THAT(prometheus_down(), HasSubstr("\nholdpoint_up 0\n"));
  EXPECT_THAT(prometheus_down(), Not(HasSubstr("holdpoint_accesses")));
}

}  // namespace
}  // namespace holdpoint::cli
