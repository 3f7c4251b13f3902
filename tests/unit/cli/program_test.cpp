// SPDX-License-Identifier: Apache-2.0
// The program `holdpoint` itself, against a server with a fake daemon behind it.
#include "unit/cli/program.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace holdpoint::cli {
namespace {

TEST_F(Program, ListsNothingWhenNothingWaits) {
  const Ended ended = run({"requests"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "Nothing waits for an answer.\nOnly observed, so not asked about: watched\n");
}

TEST_F(Program, ListsAndShowsWhatWaits) {
  const std::string id = add_request("/usr/bin/psql", {"psql", "-c", "drop table orders"});
  const Ended list = run({"requests"});
  EXPECT_HAS(list.out, id);
  EXPECT_HAS(list.out, "exec /usr/bin/psql -c 'drop table orders'");
  const Ended shown = run({"show", id});
  EXPECT_EQ(shown.status, 0);
  for (const char* part :
       {"Request r-1", "open", "coder", "by ada (uid 1000)", "to act for Ada Lovelace",
        "clean up the order tables", "env=production", "/srv/code/shop", "started by bash ./agent.sh (4700)",
        "private-keys", "Private keys leave this host only if a person says so.",
        "if nobody answers: denied at", "migrate.sql, 4711 bytes", "| DELETE FROM orders;",
        "content not bound", "holdpoint approve r-1", "holdpoint deny r-1 --reason TEXT"}) {
    EXPECT_HAS(shown.out, part);
  }
  EXPECT_EQ(run({"show", "1"}).out, shown.out);  // the number alone will do
}

TEST_F(Program, ApprovesWithScopeAndReason) {
  const std::string id = add_request();
  const Ended ended = run({"approve", id, "--for", "30m", "--reason", "backup"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_HAS(ended.out, "Approved r-1: read /home/ada/.ssh/id_ed25519");
  const auto request = nlohmann::json::parse(run({"show", id, "--json"}).out);
  EXPECT_EQ(request["decision"]["scope"], "duration");
  EXPECT_EQ(request["decision"]["lifetime_seconds"], 1800);
  EXPECT_EQ(request["decision"]["reason"], "backup");
  EXPECT_HAS(run({"grants"}).out, "g-1");
  EXPECT_EQ(run({"revoke", "1"}).status, 0);
  EXPECT_HAS(run({"grants"}).out, "No grant holds");
}

TEST_F(Program, DeniesOnlyWithAReason) {
  const std::string id = add_request();
  EXPECT_EQ(run({"deny", id}).status, 2);
  EXPECT_EQ(run({"deny", id, "--reason", ""}).status, 2);
  EXPECT_EQ(run({"deny", id, "--reason", "no"}).status, 0);
  EXPECT_HAS(run({"show", id}).out, "denied by root (uid 0)");
  EXPECT_HAS(run({"requests", "--all"}).out, "denied");
}

TEST_F(Program, SaysWhatToDoWhenARequestIsUnknownOrOver) {
  const Ended unknown = run({"approve", "r-99"});
  EXPECT_EQ(unknown.status, 5);
  EXPECT_HAS(unknown.err, "holdpoint requests");
  EXPECT_EQ(run({"show", "r-99"}).status, 5);
  const std::string id = add_request();
  run({"deny", id, "--reason", "no"});
  const Ended late = run({"approve", id});
  EXPECT_EQ(late.status, 6);
  EXPECT_HAS(late.err, "no longer open");
  EXPECT_HAS(late.err, "holdpoint show r-1");
}

TEST_F(Program, SaysThatARequestIsStillOpenWhenItAsksAboutSomethingElseByNow) {
  const std::string id = add_request();
  const Ended ended = run({"approve", id, "--reason", FakeService::another_action});
  EXPECT_EQ(ended.status, 6);
  EXPECT_HAS(ended.err, "another action than the one that was shown");
  EXPECT_HAS(ended.err, "holdpoint show r-1 says what it asks about now");
  EXPECT_HAS(run({"requests"}).out, id);
}

TEST_F(Program, SaysWhatToDoWhenTheDaemonCannotStoreTheDecision) {
  const std::string id = add_request();
  const Ended ended = run({"deny", id, "--reason", "the disk is full"});
  EXPECT_EQ(ended.status, 8);
  EXPECT_HAS(ended.err, "could not be stored");
  EXPECT_HAS(ended.err, "make room");
  EXPECT_HAS(run({"requests"}).out, "1");
}

TEST_F(Program, SaysWhatToDoWhenNoDaemonAnswers) {
  const Ended ended = Process("/nonexistent/api.sock", {"requests"}).end();
  EXPECT_EQ(ended.status, 3);
  EXPECT_HAS(ended.err, "holdpointd is not running");
  EXPECT_HAS(ended.err, "systemctl start holdpointd");
  server.stop();
  EXPECT_EQ(run({"status"}).status, 3);
}

TEST_F(Program, WaitsForAnAnswer) {
  const std::string id = add_request();
  EXPECT_EQ(run({"show", id, "--wait", "--timeout", "1ms"}).status, 7);
  Process waiting(server.socket(), {"show", id, "--wait"});
  std::size_t watching = 0;
  while (watching == 0)
    server.on_loop([&](FakeService& service, FakeClock&) { watching = service.subscribers(); });
  run({"deny", id, "--reason", "no"});
  EXPECT_EQ(waiting.end().status, 1);
  const std::string other = add_request("/etc/shadow");
  run({"approve", other});
  EXPECT_EQ(run({"show", other, "--wait"}).status, 0);
}

TEST_F(Program, RefusesAWrongCommandLine) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_HAS(run({"aprove", "r-1"}).err, "did you mean: holdpoint approve");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"show"},
                                             {"show", "a", "b"},
                                             {"requests", "--nope"},
                                             {"approve", "r-1", "--scope", "ever"},
                                             {"approve", "r-1", "--scope", "duration"},
                                             {"approve", "r-1", "--for", "soon"},
                                             {"log", "--since", "x"},
                                             {"tag", "/x"},
                                             {"run", "--agent", "coder"},
                                             {"run", "--", "true"},
                                             {"help", "nope"},
                                             {"run", "--agent", "coder", "--label", "x", "--", "true"}}) {
    EXPECT_EQ(run(words).status, 2) << words.back();
  }
}

TEST_F(Program, ExplainsEachVerb) {
  for (const char* verb :
       {"run", "tag", "untag", "sessions", "requests", "show", "approve", "deny", "watch", "log", "status"}) {
    const Ended help = run({"help", verb});
    EXPECT_EQ(help.status, 0);
    EXPECT_HAS(help.out, std::string("usage: holdpoint ") + verb);
    EXPECT_EQ(run({verb, "--help"}).out, help.out);
  }
}

TEST_F(Program, OffersJsonOnlyWhereItPrintsIt) {
  EXPECT_HAS(run({"help", "sessions"}).out, "--json");
  EXPECT_EQ(run({"metrics", "--json"}).status, 2);
}

TEST_F(Program, ShowsTheLogAndFiltersIt) {
  const std::string first = add_request();
  add_request("/etc/shadow");
  const Ended all = run({"log"});
  EXPECT_HAS(all.out, "/etc/shadow");
  const Ended some = run({"log", "--request", first});
  EXPECT_HAS(some.out, "id_ed25519");
  EXPECT_EQ(some.out.find("/etc/shadow"), std::string::npos);
  EXPECT_EQ(run({"log", "--since", "2030-01-01T00:00:00Z"}).out, "");
  EXPECT_HAS(run({"log", "--json"}).out, "\"kind\":\"request\"");
}

TEST_F(Program, ShowsNothingThatATerminalActsOn) {
  add_request();
  server.on_loop([](FakeService& service, FakeClock&) {
    service.record("hold", nlohmann::json{{"agent", "a\x1b[2J"}, {"detail", "x\x1b]0;title\x07y"}}.dump());
  });
  EXPECT_EQ(run({"log"}).out.find('\x1b'), std::string::npos);
}

TEST_F(Program, WatchesWhatHappens) {
  add_request();
  Process watch(server.socket(), {"watch", "--json"});
  std::size_t watching = 0;
  while (watching == 0)
    server.on_loop([&](FakeService& service, FakeClock&) { watching = service.subscribers(); });
  run({"deny", "1", "--reason", "no"});
  std::string line;
  do {
    line = watch.read_line();
  } while (!line.empty() && line.find("\"kind\":\"decision\"") == std::string::npos);
  EXPECT_HAS(line, "\"request\":\"r-1\"");
  watch.signal(SIGINT);
  EXPECT_EQ(watch.end().status, 1000 + SIGINT);
}

TEST_F(Program, TellsInStatusWhatIsWrong) {
  const Ended well = run({"status"});
  EXPECT_EQ(well.status, 0);
  EXPECT_HAS(well.out, "enforcing and well");
  EXPECT_HAS(well.out, "denied");
  EXPECT_EQ(well.out.find("lost-event"), std::string::npos);  // zero
  // Wrapped at the terminal's width.
  for (const char* part :
       {"watched: what their rules would hold or deny goes on", "rules with a mode of", "is still"})
    EXPECT_HAS(well.out, part);
  server.on_loop([](FakeService& service, FakeClock&) { service.healthy = false; });
  const Ended ill = run({"status"});
  EXPECT_EQ(ill.status, 1);
  EXPECT_HAS(ill.out, "NOT enforcing");
  EXPECT_HAS(ill.out, "the kernel refused");
}

TEST_F(Program, SaysWhatOfAnObservedAgentStaysWhenItIsEnforced) {
  const Ended begins = run({"mode", "watched", "enforce"});
  EXPECT_EQ(begins.status, 0) << begins.err;
  EXPECT_HAS(begins.out, "Agent watched is enforced.");
  EXPECT_HAS(begins.out, "End its sessions that began while it was observed (restart the agent)");
  EXPECT_EQ(run({"mode", "coder", "enforce"}).out, "Agent coder is enforced.\n") << "it was before";
  EXPECT_EQ(run({"mode", "watched", "keys", "enforce"}).out, "Rule keys of agent watched is enforced.\n");
}

TEST_F(Program, TagsAndUntags) {
  EXPECT_HAS(run({"tag", "ci.service", "--agent", "coder"}).out, "session 1");
  server.on_loop([](FakeService& service, FakeClock&) { EXPECT_EQ(service.last_tag->unit, "ci.service"); });
  run({"tag", "4711", "--agent", "coder"});
  server.on_loop([](FakeService& service, FakeClock&) { EXPECT_EQ(service.last_tag->pid, 4711); });
  run({"tag", "/sys/fs/cgroup/a.slice", "--agent", "coder"});
  server.on_loop([](FakeService& service, FakeClock&) { EXPECT_EQ(service.last_tag->cgroup, "/a.slice"); });
  server.on_loop([](FakeService& service, FakeClock&) { service.add_session(); });
  EXPECT_HAS(run({"sessions"}).out, "claimed: for Ada Lovelace, clean up the order tables");
  EXPECT_EQ(run({"untag", "1"}).status, 0);
  EXPECT_EQ(run({"untag", "99"}).status, 5);
}

TEST_F(Program, LocksDownShowsItAndReleases) {
  server.on_loop([](FakeService& service, FakeClock&) { service.add_session(); });
  EXPECT_HAS(run({"lockdown", "--agent", "coder", "--reason", "it mails"}).out, "Locked down agent coder");
  EXPECT_HAS(run({"status"}).out, "by root (uid 0): it mails");
  EXPECT_HAS(run({"sessions"}).out, "LOCKED DOWN");
  EXPECT_EQ(run({"lockdown", "--release"}).status, 5) << "everybody was not stopped";
  EXPECT_EQ(run({"lockdown", "--release", "--agent", "coder"}).status, 0);
  EXPECT_HAS(run({"lockdown", "--session", "1", "--json"}).out, "\"session\":1");
  for (const char* wrong : {"x", "", "-1"})
    EXPECT_EQ(run({"lockdown", "--session", wrong}).status, 2) << wrong;
}

TEST_F(Program, DisarmsLoudlyAndArms) {
  for (const auto& words : {std::vector<std::string>{"disarm", "--for", "1m"}, {"disarm", "--reason", "x"}})
    EXPECT_EQ(run(words).status, 2);
  EXPECT_HAS(run({"disarm", "--for", "15m", "--reason", "restore"}).out, "DISARMED until");
  const Ended status = run({"status"});
  EXPECT_EQ(status.status, 1);
  EXPECT_HAS(status.out, "DISARMED until");
  EXPECT_EQ(run({"arm"}).status, 0);
  EXPECT_EQ(run({"status"}).status, 0);
}

TEST_F(Program, RunsACommandAndReturnsItsStatus) {
  const Ended ended = run({"run", "--agent", "coder", "--for", "Grace", "--purpose", "tests", "--label",
                           "env=test", "--", "sh", "-c", "echo out; echo err >&2; exit 42"});
  EXPECT_EQ(ended.status, 42);
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err, "err\n");
  server.on_loop([](FakeService& service, FakeClock&) {
    EXPECT_EQ(service.last_session->agent, "coder");
    EXPECT_EQ(service.last_session->claims.on_behalf_of.text(), "Grace");
    EXPECT_EQ(service.last_session->claims.purpose.text(), "tests");
    EXPECT_EQ(service.last_session->claims.labels.at("env"), "test");
    EXPECT_GT(service.last_session->pid, 0);
  });
}

TEST_F(Program, StartsTheCommandInTheProcessThatTheSessionWasAskedFor) {
  const Ended ended = run({"run", "--agent", "coder", "--", "sh", "-c", "echo $$"});
  server.on_loop([&](FakeService& service, FakeClock&) {
    EXPECT_EQ(ended.out, std::to_string(service.last_session->pid) + "\n");
  });
}

TEST_F(Program, GivesTheCommandNoSocketOfItsOwn) {
  const Ended ended = run({"run", "--agent", "coder", "--", "sh", "-c", "ls -l /proc/$$/fd"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out.find("socket:"), std::string::npos) << ended.out;
}

TEST_F(Program, RunReportsFailedExecsAsAShellDoes) {
  EXPECT_EQ(run({"run", "--agent", "coder", "--", "/nonexistent/tool"}).status, 127);
  const Ended directory = run({"run", "--agent", "coder", "--", "/etc"});
  EXPECT_EQ(directory.status, 126);
  EXPECT_HAS(directory.err, "/etc");
}

TEST_F(Program, RunTellsDeathBySignal) {
  EXPECT_EQ(run({"run", "--agent", "coder", "--", "sh", "-c", "kill -KILL $$"}).status, 128 + SIGKILL);
}

TEST_F(Program, RunNeverStartsWhatTheDaemonRefuses) {
  const std::string mark = testing::TempDir() + "hp-run-mark-" + std::to_string(::getpid());
  const Ended refused = run({"run", "--agent", "unknown", "--", "touch", mark});
  EXPECT_EQ(refused.status, 125);
  EXPECT_HAS(refused.err, "declares no agent");
  EXPECT_EQ(Process("/nonexistent/api.sock", {"run", "--agent", "coder", "--", "touch", mark}).end().status,
            125);
  EXPECT_FALSE(std::ifstream(mark).good());
}

TEST_F(Program, RunPassesSignalsOnAndKeepsTheChildsAnswer) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    Process process(server.socket(), {"run", "--agent", "coder", "--", "sh", "-c",
                                      "trap 'exit 9' " + std::to_string(number) +
                                          "; echo ready; while :; do sleep 0.01; done"});
    EXPECT_EQ(process.read_line(), "ready");
    process.signal(number);
    EXPECT_EQ(process.end().status, 9) << number;
  }
}

TEST_F(Program, RunIsNotStoppedByAStopThatAHoldMakes) {
  // The child stops itself as a hold does. A helper beside it waits until the parent has taken its SIGCHLD and is idle, prints
  // the parent's state, and continues the child.
  Process process(server.socket(),
                  {"run", "--agent", "coder", "--", "sh", "-c",
                   "parent=/proc/$PPID/status; (while ! grep -q '^State:.T' /proc/$$/status; do :; done;"
                   " while ! grep -q '^ShdPnd:.0*$' $parent; do :; done;"
                   " while grep -q '^State:.R' $parent; do :; done;"
                   " grep '^State' $parent; kill -CONT $$) & kill -STOP $$; wait; exit 3"});
  const Ended ended = process.end();
  EXPECT_EQ(ended.status, 3);
  EXPECT_HAS(ended.out, "State:\tS (sleeping)");
}

}  // namespace
}  // namespace holdpoint::cli
