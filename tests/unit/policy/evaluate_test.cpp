// SPDX-License-Identifier: Apache-2.0
// Every case is asked of the reference and of the compiled tables (Evaluator).
#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

TEST(Evaluate, FirstMatchWins) {
  const Evaluator evaluator(with_rules(R"(
  - {id: own, on: read, path: /home/me/notes, verdict: allow}
  - {id: homes, on: read, path: /home/**, verdict: deny, reason: R}
  - {id: all, on: read, path: /**, verdict: ask, reason: R}
)"));
  EXPECT_EQ(evaluator(read_of("/home/me/notes")).id, "own");
  EXPECT_EQ(evaluator(read_of("/home/me/other")).id, "homes");
  EXPECT_EQ(evaluator(read_of("/home")).id, "all");
  EXPECT_EQ(evaluator(file(kWrite, "/home/me/other")).id, "default:a");
}

TEST(Evaluate, OutcomeCarriesWhatTheRuleSays) {
  const Evaluator evaluator(with_rules(R"(
  - {id: key, on: read, path: /k, verdict: ask, reason: A key, timeout: 90s, hold: refuse, log: true}
)"));
  const Outcome outcome = evaluator(read_of("/k"));
  EXPECT_EQ(outcome.verdict, HP_ASK);
  EXPECT_EQ(outcome.reason, "A key");
  EXPECT_EQ(outcome.timeout, std::chrono::seconds(90));
  EXPECT_EQ(outcome.hold, HP_HOLD_REFUSE);
  EXPECT_TRUE(outcome.log);
  EXPECT_EQ(evaluator.image().rules[outcome.rule].hold_mode, HP_HOLD_REFUSE);
  EXPECT_EQ(evaluator.image().rules[outcome.rule].flags, HP_RULE_LOG);
  EXPECT_EQ(evaluator.policy().rules[outcome.rule].id, "key");
}

TEST(Evaluate, ReadAndWriteTogetherTakeTheStricterVerdict) {
  const Evaluator evaluator(with_rules(R"(
  - {id: r, on: read, path: /x, verdict: allow}
  - {id: w, on: write, path: /x, verdict: ask, reason: R}
  - {id: r2, on: read, path: /y, verdict: deny, reason: R}
  - {id: w2, on: write, path: /y, verdict: ask, reason: R}
  - {id: r3, on: read, path: /z, verdict: ask, reason: R}
  - {id: w3, on: write, path: /z, verdict: ask, reason: R}
)"));
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/x")).id, "w");
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/y")).id, "r2");
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/z")).id, "r3") << "of equals the first rule";
}

TEST(Evaluate, RuleOnAnyWithOnlyAPathNeverMatchesTheNetwork) {
  const Evaluator evaluator(with_rules("  - {id: p, on: any, path: /run/**, verdict: deny, reason: R}\n"));
  EXPECT_EQ(evaluator(read_of("/run/x.sock")).id, "p");
  EXPECT_EQ(evaluator(socket_of("/run/x.sock")).id, "default:a");
  EXPECT_EQ(evaluator(connect_to("10.0.0.1", 80)).id, "default:a");
}

TEST(Evaluate, RuleOnAnyWithOnlyADestinationNeverMatchesFilesOrSockets) {
  const Evaluator evaluator(
      with_rules("  - {id: t, on: any, to: [{cidr: 0.0.0.0/0}], verdict: deny, reason: R}\n"));
  EXPECT_EQ(evaluator(connect_to("10.0.0.1", 80)).id, "t");
  EXPECT_EQ(evaluator(connect_to("fd00::1", 80)).id, "default:a");
  EXPECT_EQ(evaluator(read_of("/x")).id, "default:a");
  EXPECT_EQ(evaluator(socket_of("/x")).id, "default:a");
}

TEST(Evaluate, PathAndSocketOfOneRuleDoNotMix) {
  const Evaluator evaluator(with_rules(R"(
  - {id: both, on: any, path: /a, socket: /b, to: [{port: 80}], verdict: deny, reason: R}
)"));
  EXPECT_EQ(evaluator(read_of("/a")).id, "both");
  EXPECT_EQ(evaluator(read_of("/b")).id, "default:a");
  EXPECT_EQ(evaluator(socket_of("/b")).id, "both");
  EXPECT_EQ(evaluator(socket_of("/a")).id, "default:a");
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 80)).id, "both");
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 81)).id, "default:a");
}

TEST(Evaluate, DestinationRuleDoesNotHideALaterRule) {
  const Evaluator evaluator(with_rules(R"(
  - {id: port, on: network, to: [{port: 80}], verdict: allow}
  - {id: sockets, on: network, socket: "@*", verdict: deny, reason: R}
  - {id: rest, on: network, verdict: ask, reason: R}
)"));
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 80)).id, "port");
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 81)).id, "rest");
  EXPECT_EQ(evaluator(socket_of("@a")).id, "sockets");
  EXPECT_EQ(evaluator(socket_of("/a")).id, "rest");
}

TEST(Evaluate, RuleWithoutObjectMatchesEveryObjectOfItsOperations) {
  const Evaluator evaluator(with_rules("  - {id: net, on: network, verdict: ask, reason: R}\n"));
  EXPECT_EQ(evaluator(connect_to("::1", 1)).id, "net");
  EXPECT_EQ(evaluator(socket_of("@x")).id, "net");
  EXPECT_EQ(evaluator(read_of("/x")).id, "default:a");
}

TEST(Evaluate, ExecutableNarrowsARule) {
  const Evaluator evaluator(with_rules(R"(
  - {id: git, on: read, path: /home/*/.ssh/**, executable: [/usr/bin/git, "/usr/lib/git-core/*"], verdict: allow}
  - {id: others, on: read, path: /home/*/.ssh/**, verdict: ask, reason: R}
)"));
  EXPECT_EQ(evaluator(read_of("/home/u/.ssh/id", "/usr/bin/git")).id, "git");
  EXPECT_EQ(evaluator(read_of("/home/u/.ssh/id", "/usr/lib/git-core/git-remote-http")).id, "git");
  EXPECT_EQ(evaluator(read_of("/home/u/.ssh/id", "/usr/bin/gitk")).id, "others");
  EXPECT_EQ(evaluator(read_of("/home/u/.ssh/id", "")).id, "others");
}

TEST(Evaluate, NarrowEarlierRuleWithExecutableDoesNotHideALaterOne) {
  // A rule that is bound to an executable must not count as covering the rest of the directory.
  const Evaluator evaluator(with_rules(R"(
  - {id: tool, on: read, path: /d/**, executable: /bin/tool, verdict: allow}
  - {id: secret, on: read, path: /d/secret, verdict: deny, reason: R}
  - {id: write, on: write, path: /d/**, verdict: allow}
  - {id: rw, on: [read, write], path: /d/s*, verdict: ask, reason: R}
)"));
  EXPECT_EQ(evaluator(read_of("/d/secret", "/bin/tool")).id, "tool");
  EXPECT_EQ(evaluator(read_of("/d/secret")).id, "secret");
  EXPECT_EQ(evaluator(read_of("/d/some")).id, "rw");
  EXPECT_EQ(evaluator(file(kWrite, "/d/some")).id, "write");
  EXPECT_EQ(evaluator(file(kRead | kWrite, "/d/some")).id, "rw");
}

TEST(Evaluate, AgentsHaveRulesAndDefaultsOfTheirOwn) {
  const Checked checked = must_check(R"(
version: 1
agents:
  a: {default: allow}
  b: {default: ask, default_reason: Nothing is known about this}
rules:
  - {id: only-b, agents: [b], on: read, path: /x, verdict: deny, reason: R}
)");
  EXPECT_EQ(evaluate(checked, 0, read_of("/x")).verdict, HP_ALLOW);
  EXPECT_EQ(evaluate(checked, 1, read_of("/x")).id, "only-b");
  EXPECT_EQ(evaluate(checked, 1, read_of("/y")).id, "default:b");
  EXPECT_EQ(evaluate(checked, 1, read_of("/y")).reason, "Nothing is known about this");
}

TEST(Evaluate, AnEmptyMaskIsDenied) {
  const Evaluator evaluator{std::string(kAgent)};
  EXPECT_EQ(evaluator(file(0, "/x")).verdict, HP_DENY);
}

TEST(Evaluate, AnUnknownRuleNumberIsDenied) {
  const Evaluator evaluator{std::string(kAgent)};
  EXPECT_EQ(outcome_of(evaluator.policy(), 4000).verdict, HP_DENY);
}

}  // namespace
}  // namespace holdpoint::policy
