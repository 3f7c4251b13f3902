// SPDX-License-Identifier: Apache-2.0
// What each call answers, without a network.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/router.hpp"
#include "unit/api/fake_service.hpp"
#include "unit/api/running_server.hpp"

namespace holdpoint::api::test {
namespace {

using nlohmann::json;

class Handlers : public testing::Test {
 protected:
  Outcome outcome(const std::string& method, const std::string& target, const json& body = nullptr) {
    auto in = parse_target(target);
    in->method = method;
    in->body = body.is_null() ? "" : body.dump();
    return dispatch(*in, caller, service, counters, clock.now());
  }
  Reply reply(const std::string& method, const std::string& target, const json& body = nullptr) {
    return std::get<Reply>(outcome(method, target, body));
  }
  json ok(const std::string& method, const std::string& target, const json& body = nullptr) {
    const Reply answer = reply(method, target, body);
    EXPECT_LT(answer.status, 300U) << answer.body;
    return answer.body.empty() ? json() : json::parse(answer.body);
  }
  // Status and code of a problem.
  std::string problem(const std::string& method, const std::string& target, const json& body = nullptr) {
    const Reply answer = reply(method, target, body);
    EXPECT_EQ(answer.content_type, "application/problem+json") << answer.body;
    return std::to_string(answer.status) + " " + json::parse(answer.body).value("code", "");
  }

  FakeClock clock;
  FakeService service{clock};
  Counters counters;
  Caller caller = root_caller();
  std::uint64_t session = service.add_session();
  std::string request = service.add_request(session);
};

TEST_F(Handlers, ShowWhatAReviewerMustKnow) {
  const json shown = ok("GET", "/v1/requests/" + request);
  EXPECT_EQ(shown["state"], "open");
  EXPECT_EQ(shown["access"]["object"], "/home/ada/.ssh/id_ed25519");
  EXPECT_EQ(shown["session_detail"]["owner"]["name"], "ada");
  EXPECT_EQ(shown["session_detail"]["claims"]["on_behalf_of"], "Ada Lovelace");
  EXPECT_EQ(shown["rule"]["id"], "private-keys");
  EXPECT_EQ(shown["created"], "2026-03-14T09:00:00.000Z");
  EXPECT_EQ(shown["deadline"], "2026-03-14T09:15:00.000Z");
  EXPECT_EQ(shown["holds"].size(), 1U);
}

TEST_F(Handlers, ListByStateSessionAndAgent) {
  const std::string other = service.add_request(service.add_session("cleaner"), "/etc/shadow");
  ok("POST", "/v1/requests/" + request + "/decision", {{"decision", "approve"}});
  EXPECT_EQ(ok("GET", "/v1/requests")["requests"].size(), 2U);
  EXPECT_EQ(ok("GET", "/v1/requests?state=open")["requests"][0]["id"], other);
  EXPECT_EQ(ok("GET", "/v1/requests?state=closed")["requests"][0]["id"], request);
  EXPECT_EQ(ok("GET", "/v1/requests?agent=cleaner")["requests"].size(), 1U);
  EXPECT_EQ(ok("GET", "/v1/requests?session=1")["requests"][0]["id"], request);
  EXPECT_EQ(problem("GET", "/v1/requests?state=opne"), "400 bad-query");
  EXPECT_EQ(problem("GET", "/v1/requests?stat=open"), "400 bad-query");
}

TEST_F(Handlers, SayHowManyRequestsALimitLeftOut) {
  service.add_request(session, "/etc/shadow");
  const json list = ok("GET", "/v1/requests?limit=1");
  EXPECT_EQ(list["left_out"], 1);
  EXPECT_EQ(list["requests"][0]["access"]["object"], "/etc/shadow");  // the newest is kept
}

TEST_F(Handlers, RecordWhoDecidedFromTheConnectionAlone) {
  caller = member_caller();
  const json decided =
      ok("POST", "/v1/requests/" + request + "/decision", {{"decision", "approve"}, {"reason", "fine"}});
  EXPECT_EQ(decided["state"], "approved");
  EXPECT_EQ(decided["decision"]["by"]["id"], "1000");
  EXPECT_EQ(decided["decision"]["channel"], "unix-api");
  EXPECT_EQ(decided["decision"]["at"], "2026-03-14T09:00:00.000Z");
  EXPECT_EQ(problem("POST", "/v1/requests/" + request + "/decision",
                    {{"decision", "deny"}, {"reason", "x"}, {"by", "eve"}}),
            "422 bad-body");
}

TEST_F(Handlers, SayThatTheStoreCannotWrite) {
  const json asked{{"decision", "deny"}, {"reason", FakeService::disk_full}};
  EXPECT_EQ(problem("POST", "/v1/requests/" + request + "/decision", asked), "503 not-stored");
  EXPECT_EQ(ok("GET", "/v1/requests/" + request)["state"], "open");
}

TEST_F(Handlers, MaskSecretsInReasons) {
  const json decided =
      ok("POST", "/v1/requests/" + request + "/decision",
         {{"decision", "approve"}, {"reason", "see https://ada:hunter2secret@example.org/"}});
  EXPECT_EQ(decided["decision"]["reason"].get<std::string>().find("hunter2secret"), std::string::npos);
}

TEST_F(Handlers, DecideOnlyWhatWasLookedAt) {
  EXPECT_EQ(
      problem("POST", "/v1/requests/" + request + "/decision", {{"decision", "approve"}, {"digest", "00"}}),
      "409 other-digest");
  const std::string digest = ok("GET", "/v1/requests/" + request)["digest"];
  EXPECT_EQ(ok("POST", "/v1/requests/" + request + "/decision",
               {{"decision", "approve"}, {"digest", digest}})["state"],
            "approved");
}

TEST_F(Handlers, DecideARequestOnce) {
  ok("POST", "/v1/requests/" + request + "/decision", {{"decision", "deny"}, {"reason", "no"}});
  EXPECT_EQ(problem("POST", "/v1/requests/" + request + "/decision", {{"decision", "approve"}}),
            "409 not-open");
  EXPECT_EQ(ok("GET", "/v1/requests/" + request)["state"], "denied");
}

TEST_F(Handlers, RefuseDecisionsThatMakeNoSense) {
  const std::string target = "/v1/requests/" + request + "/decision";
  const std::vector<json> wrong = {json::array(),
                                   {{"decision", "maybe"}},
                                   json::object(),
                                   {{"decision", "deny"}},
                                   {{"decision", "deny"}, {"reason", ""}},
                                   {{"decision", "approve"}, {"scope", "forever"}},
                                   {{"decision", "approve"}, {"scope", "duration"}},
                                   {{"decision", "approve"}, {"lifetime", "30m"}},
                                   {{"decision", "approve"}, {"scope", "duration"}, {"lifetime", "0s"}},
                                   {{"decision", true}},
                                   {{"decision", "approve"}, {"reason", std::string(5000, 'x')}},
                                   {{"decision", "deny"}, {"reason", "x"}, {"scope", "session"}}};
  for (const json& body : wrong) EXPECT_EQ(problem("POST", target, body), "422 bad-body") << body;
  EXPECT_EQ(ok("GET", "/v1/requests/" + request)["state"], "open");
}

TEST_F(Handlers, LeaveAGrantThatCanBeRevoked) {
  ok("POST", "/v1/requests/" + request + "/decision",
     {{"decision", "approve"}, {"scope", "duration"}, {"lifetime", "30m"}});
  const json grant = ok("GET", "/v1/grants")["grants"][0];
  EXPECT_EQ(grant["live"], true);
  EXPECT_EQ(grant["not_after"], "2026-03-14T09:30:00.000Z");
  EXPECT_EQ(reply("DELETE", "/v1/grants/" + grant["id"].get<std::string>()).status, 204U);
  const json left = ok("GET", "/v1/grants");
  for (const auto& ended : left["grants"]) EXPECT_EQ(ended["live"], false);
  EXPECT_EQ(problem("DELETE", "/v1/grants/g-99"), "404 not-found");
}

TEST_F(Handlers, StartSessionsWithClaims) {
  const json body{{"agent", "coder"}, {"pid", 77}, {"on_behalf_of", "Grace"}, {"labels", {{"team", "shop"}}}};
  EXPECT_EQ(ok("POST", "/v1/sessions", body)["claims"]["on_behalf_of"], "Grace");
  EXPECT_EQ(service.last_session->pid, 77);
  EXPECT_EQ(ok("GET", "/v1/sessions")["sessions"].size(), 2U);
  EXPECT_EQ(problem("POST", "/v1/sessions", {{"agent", "unknown"}, {"pid", 77}}), "422 refused");
  for (const json& wrong : std::vector<json>{
           {{"agent", "coder"}},
           {{"pid", 7}},
           {{"agent", "coder"}, {"pid", 0}},
           {{"agent", "coder"}, {"pid", -1}},
           {{"agent", "coder"}, {"pid", "7"}},
           {{"agent", "coder"}, {"pid", 7}, {"labels", {{"a b", "c"}}}},
           {{"agent", "coder"}, {"pid", 7}, {"labels", {{"t", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"}}}},
           {{"agent", "coder"}, {"pid", 7}, {"labels", {{"a", "b\nc"}}}}}) {
    EXPECT_EQ(problem("POST", "/v1/sessions", wrong), "422 bad-body") << wrong;
  }
}

TEST_F(Handlers, TagExactlyOneThing) {
  ok("POST", "/v1/tags", {{"agent", "coder"}, {"unit", "ci.service"}});
  EXPECT_EQ(service.last_tag->unit, "ci.service");
  EXPECT_EQ(problem("POST", "/v1/tags", {{"agent", "coder"}, {"unit", "missing.service"}}), "404 not-found");
  EXPECT_EQ(problem("POST", "/v1/tags", {{"agent", "coder"}}), "422 bad-body");
  EXPECT_EQ(problem("POST", "/v1/tags", {{"agent", "coder"}, {"pid", 7}, {"unit", "x"}}), "422 bad-body");
  EXPECT_EQ(problem("POST", "/v1/tags", {{"agent", "coder"}, {"cgroup", "x"}}), "422 bad-body");
  EXPECT_EQ(reply("DELETE", "/v1/tags/1").status, 204U);
  EXPECT_EQ(problem("DELETE", "/v1/tags/99"), "404 not-found");
  EXPECT_EQ(problem("DELETE", "/v1/tags/1x"), "404 not-found");
}

TEST_F(Handlers, LetOnlyRootTag) {
  caller = member_caller();
  EXPECT_EQ(problem("POST", "/v1/tags", {{"agent", "coder"}, {"pid", 7}}), "403 not-root");
  EXPECT_EQ(problem("DELETE", "/v1/tags/1"), "403 not-root");
  EXPECT_FALSE(service.last_tag);
}

TEST_F(Handlers, StopWhoIsNamedAndLetExactlyThatGo) {
  const json made = ok("POST", "/v1/lockdown", {{"scope", "agent"}, {"agent", "coder"}, {"reason", "stop"}});
  EXPECT_EQ(made["agent"], "coder");
  EXPECT_EQ(made["session"], nullptr);
  EXPECT_EQ(made["by"]["id"], "0");
  EXPECT_EQ(ok("GET", "/v1/sessions")["sessions"][0]["locked_down"], true);
  EXPECT_EQ(ok("GET", "/v1/health")["lockdowns"].size(), 1U);
  EXPECT_EQ(ok("GET", "/v1/health")["enforcing"], true);
  EXPECT_EQ(problem("DELETE", "/v1/lockdown?scope=all"), "404 not-found");
  EXPECT_EQ(reply("DELETE", "/v1/lockdown?scope=agent&agent=coder").status, 204U);
  EXPECT_EQ(ok("GET", "/v1/sessions")["sessions"][0]["locked_down"], false);
  EXPECT_EQ(problem("POST", "/v1/lockdown", {{"scope", "agent"}, {"agent", "unknown"}}), "404 not-found");
}

TEST_F(Handlers, RefuseALockdownThatDoesNotSayOfWhom) {
  for (const json& body :
       {json::object(), json{{"scope", "every"}}, json{{"scope", "agent"}},
        json{{"scope", "all"}, {"agent", "coder"}}, json{{"scope", "session"}, {"session", 0}},
        json{{"scope", "session"}, {"session", 1}, {"agent", "coder"}}})
    EXPECT_EQ(problem("POST", "/v1/lockdown", body), "422 bad-body") << body;
  EXPECT_EQ(problem("DELETE", "/v1/lockdown"), "400 bad-query");
  EXPECT_EQ(problem("DELETE", "/v1/lockdown?scope=session"), "400 bad-query");
  EXPECT_TRUE(service.operators.lockdowns.empty());
}

TEST_F(Handlers, DisarmForADayAtMostAndForAReason) {
  for (const json& body : {json{{"for", "15m"}}, json{{"reason", "x"}}, json{{"for", "25h"}, {"reason", "x"}},
                           json{{"for", "0s"}, {"reason", "x"}}, json{{"for", "15m"}, {"reason", "  "}},
                           json{{"for", "soon"}, {"reason", "x"}}})
    EXPECT_EQ(problem("POST", "/v1/disarm", body), "422 bad-body") << body;
  EXPECT_FALSE(service.operators.disarming);
  const json made = ok("POST", "/v1/disarm", {{"for", "24h"}, {"reason", "restore"}});
  EXPECT_EQ(made["until"], "2026-03-15T09:00:00.000Z");
  EXPECT_EQ(ok("GET", "/v1/health")["disarmed"]["reason"], "restore");
  EXPECT_EQ(ok("GET", "/v1/health")["enforcing"], false);
  EXPECT_EQ(reply("DELETE", "/v1/disarm").status, 204U);
  EXPECT_EQ(ok("GET", "/v1/health")["disarmed"], nullptr);
}

TEST_F(Handlers, LetOnlyRootSwitch) {
  caller = member_caller();
  EXPECT_EQ(problem("POST", "/v1/lockdown", {{"scope", "all"}}), "403 not-root");
  EXPECT_EQ(problem("DELETE", "/v1/lockdown?scope=all"), "403 not-root");
  EXPECT_EQ(problem("POST", "/v1/disarm", {{"for", "15m"}, {"reason", "x"}}), "403 not-root");
  EXPECT_EQ(problem("DELETE", "/v1/disarm"), "403 not-root");
}

TEST_F(Handlers, RefuseOutsidersEverything) {
  caller.may_decide = false;
  for (const Route& route : routes()) {
    std::string target(route.pattern);
    if (const auto open = target.find('{'); open != std::string::npos)
      target.replace(open, target.find('}') - open + 1, "1");
    EXPECT_EQ(problem(std::string(route.method), target), "403 not-member") << target;
  }
  EXPECT_EQ(counters.refused_not_member, routes().size());
}

TEST_F(Handlers, RefuseTaggedProcessesEverythingEvenAsRoot) {
  service.tagged.insert(caller.pid);
  for (const Route& route : routes()) {
    std::string target(route.pattern);
    if (const auto open = target.find('{'); open != std::string::npos)
      target.replace(open, target.find('}') - open + 1, "1");
    const Reply answer = reply(std::string(route.method), target);
    EXPECT_EQ(answer.status, 403U) << target;
    EXPECT_TRUE(answer.close);
  }
  EXPECT_EQ(counters.refused_tagged, routes().size());
}

TEST_F(Handlers, PageThroughRecords) {
  const json first = ok("GET", "/v1/records?limit=2");
  ASSERT_EQ(first["records"].size(), 2U);
  const json rest = ok("GET", "/v1/records?after=" + first["last"].dump());
  EXPECT_EQ(rest["records"][0]["sequence"], 3);
  const json end = ok("GET", "/v1/records?after=" + rest["last"].dump());
  EXPECT_TRUE(end["records"].empty());
  EXPECT_EQ(end["last"], rest["last"]);
}

TEST_F(Handlers, ResumeAStreamWhereTheReaderWas) {
  auto in = parse_target("/v1/events?after=2");
  in->method = "GET";
  EXPECT_EQ(std::get<EventStream>(dispatch(*in, caller, service, counters, clock.now())).after, 2U);
  in->last_event_id = 5;
  EXPECT_EQ(std::get<EventStream>(dispatch(*in, caller, service, counters, clock.now())).after, 5U);
  EXPECT_FALSE(std::get<EventStream>(outcome("GET", "/v1/events")).after);
}

TEST_F(Handlers, TellWhatIsPossibleAtAPath) {
  EXPECT_EQ(problem("GET", "/v1/nothing"), "404 no-such-path");
  EXPECT_EQ(problem("GET", "/v1/requests/r-1/x"), "404 no-such-path");
  EXPECT_EQ(problem("GET", "/v1/requests//wait"), "404 no-such-path");
  EXPECT_EQ(problem("DELETE", "/v1/sessions"), "405 no-such-method");
  EXPECT_EQ(reply("DELETE", "/v1/sessions").allow, "GET, POST");
}

TEST_F(Handlers, ShowCountersAndProblemsAsHealth) {
  service.healthy = false;
  const json health = ok("GET", "/v1/health");
  EXPECT_EQ(health["enforcing"], false);
  EXPECT_EQ(health["problems"].size(), 1U);
  EXPECT_EQ(health["counters"]["denied"], 2);
  EXPECT_TRUE(health["counters"].contains("api-refused-tagged"));
}

}  // namespace
}  // namespace holdpoint::api::test
