// SPDX-License-Identifier: Apache-2.0
#include "audit/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <type_traits>

#include "audit/json.hpp"
#include "audit/kind.hpp"
#include "audit/line.hpp"
#include "unit/audit/builders.hpp"

namespace holdpoint::audit {
namespace {

using namespace testing_values;
using ::testing::HasSubstr;
using ::testing::Not;

// Entries come from the builders only, and no builder takes a raw text.
static_assert(!std::is_default_constructible_v<Entry>);
static_assert(!std::is_constructible_v<Entry, v1::Record>);
static_assert(!std::is_invocable_v<decltype(daemon_stopped), std::string>);
static_assert(!std::is_invocable_v<decltype(lost), std::string, int, int>);
static_assert(!std::is_invocable_v<decltype(superseded), approval::Request, std::string>);

approval::Note note(const char* kind, std::uint64_t hold = 0, const char* detail = "") {
  return {kind, "r-17", "", 12, hold, detail};
}

TEST(FromNote, EveryKindOfTheLedgerHasItsRecord) {
  const auto asked = decided_request(true);
  const auto given = grant();
  const auto started = session();
  const NoteSubjects subjects{&asked, &given, &started, nullptr};
  const std::pair<const char*, const char*> kinds[] = {{"hold", "hold"},
                                                       {"request", "request"},
                                                       {"decision", "decision"},
                                                       {"expiry", "expiry"},
                                                       {"cancellation", "cancellation"},
                                                       {"release", "release"},
                                                       {"grant", "grant"},
                                                       {"grant_revoked", "grant_revoked"},
                                                       {"session", "session"},
                                                       {"session_ended", "session_ended"},
                                                       {"denial", "denial"}};
  for (const auto& [kind, word] : kinds) {
    const auto record = from_note(note(kind, 5, "allowed"), subjects).record();
    EXPECT_EQ(kind_word(record), word);
    EXPECT_EQ(record.session(), 12U) << kind;
    EXPECT_EQ(record.agent(), "coder") << kind;
  }
}

TEST(FromNote, UnknownKindIsSeenAndNotDropped) {
  const auto record = from_note(note("surprise", 5, "x"), {}).record();
  EXPECT_THAT(record.lost().reason(), HasSubstr("surprise"));
  EXPECT_EQ(record.hold(), 5U);
}

TEST(FromNote, SupersededRequestIsToldApartFromACancelledOne) {
  auto asked = request();
  asked.state = approval::RequestState::superseded;
  EXPECT_TRUE(from_note(note("cancellation"), {.request = &asked}).record().has_superseded());
  EXPECT_TRUE(from_note(note("cancellation", 5), {.request = &asked}).record().has_cancelled());
}

TEST(FromNote, ReleaseSaysWhetherTheAccessWentOn) {
  const auto asked = request();
  EXPECT_TRUE(from_note(note("release", 5, "allowed"), {.request = &asked}).record().released().allowed());
  EXPECT_FALSE(from_note(note("release", 5, "refused"), {.request = &asked}).record().released().allowed());
  EXPECT_FALSE(from_note(note("release", 5, "refused by the policy now in force"), {.request = &asked})
                   .record()
                   .released()
                   .allowed());
}

TEST(FromNote, HoldAnsweredByAGrantSaysSo) {
  const auto given = grant();
  auto by_grant = note("hold", 9);
  by_grant.grant = "g-3";
  const auto record = from_note(by_grant, {.grant = &given}).record();
  EXPECT_TRUE(record.held().by_grant());
  EXPECT_EQ(record.grant(), "g-3");
  EXPECT_EQ(record.held().access().object().text(), "/home/ada/.ssh/id_ed25519");
}

TEST(Decided, NamesWhoAndHow) {
  const auto record = decided(decided_request(false)).record();
  EXPECT_FALSE(record.decided().approve());
  EXPECT_EQ(record.actor().id(), "1001");
  EXPECT_EQ(record.decided().scope(), "once");
  EXPECT_EQ(record.decided().holds(), 2U);
}

TEST(Switched, SaysWhatWhoWhyAndUntilWhen) {
  const approval::Principal root{"unix", "0", "root"};
  const auto why = event::mask("it mails customers");
  const auto agent = locked_down({"coder", 0}, "coder", why, root).record();
  EXPECT_EQ(kind_word(agent), "operator");
  EXPECT_EQ(agent.operator_().action(), "lockdown");
  EXPECT_EQ(agent.operator_().scope(), "agent");
  EXPECT_EQ(agent.operator_().reason().text(), "it mails customers");
  EXPECT_EQ(agent.agent(), "coder");
  EXPECT_EQ(agent.session(), 0U);
  EXPECT_EQ(agent.actor().name().text(), "root");
  const auto session = lockdown_released({"", 12}, "coder", root).record();
  EXPECT_EQ(session.operator_().action(), "release");
  EXPECT_EQ(session.operator_().scope(), "session");
  EXPECT_EQ(session.session(), 12U);
  EXPECT_EQ(locked_down({}, "", why, root).record().operator_().scope(), "all");
  const auto until = disarmed({why, root, at(1).wall, at(61).wall, at(61).boot}).record();
  EXPECT_EQ(until.operator_().action(), "disarm");
  EXPECT_EQ(until.operator_().until_ns(), 61'000'000'000);
  EXPECT_EQ(armed(why, root).record().operator_().action(), "arm");
}

TEST(KernelEvent, WhatPassesDisarmedSaysWhatThePolicySays) {
  event::Event event{HP_EVENT_DISARMED, {}};
  event.access.fixed.cause = HP_CAUSE_DISARMED;
  event.access.fixed.verdict = HP_DENY;
  const auto passed = kernel_event(event, {});
  EXPECT_EQ(kind_word(passed.record()), "logged");
  EXPECT_EQ(passed.record().logged().cause(), "disarmed");
  EXPECT_EQ(passed.record().logged().verdict(), "deny");
  EXPECT_EQ(repeated(passed, 7).record().logged().times(), 7U);
  EXPECT_FALSE(repeated(passed, 7).record().has_denied()) << "it was not denied";
  EXPECT_EQ(more_denials("coder", 1, "disarmed", 7).record().logged().times(), 7U);
  event.access.fixed.verdict = HP_ASK;
  EXPECT_EQ(kernel_event(event, {}).record().logged().verdict(), "ask");
}

TEST(KernelEvent, EveryKindHasItsRecord) {
  event::Event happened{};
  happened.access.fixed.identity.session = 12;
  happened.access.fixed.cause = HP_CAUSE_ARGV;
  const KernelView view{"coder", "ssh-keys", "", request().access, event::mask("cat"), "", event::mask("")};
  const std::pair<hp_event_kind, const char*> kinds[] = {
      {HP_EVENT_DENIED, "denial"}, {HP_EVENT_LOGGED, "logged"},   {HP_EVENT_TAMPERED, "tampered"},
      {HP_EVENT_GUARD, "guard"},   {HP_EVENT_GRANTED, "granted"}, {HP_EVENT_OBSERVED, "observed"}};
  for (const auto& [kind, word] : kinds) {
    happened.kind = kind;
    EXPECT_EQ(kind_word(kernel_event(happened, view).record()), word);
  }
  happened.kind = HP_EVENT_DENIED;
  EXPECT_EQ(kernel_event(happened, view).record().denied().cause(), "argv");
}

TEST(Record, LongAncestorIsCutAndSaysSoButWhatIsDecidedIsNot) {
  auto asked = request();
  event::Access access;
  access.fixed.identity.operations = 1U << HP_OP_EXEC;
  access.argv = {"tool", std::string(16000, 'x')};
  const std::string command = std::string(4095, 'y') + "日本" + std::string(100, 'z');
  asked.access = event::mask(access, {1, "", "", {{9, command}}}, {}, {});
  const auto record = request_opened(asked).record();
  const auto& ancestor = record.request_opened().access().ancestors(0).command();
  EXPECT_EQ(ancestor.text(), std::string(4095, 'y'));
  EXPECT_EQ(ancestor.cut(), 106U);
  EXPECT_EQ(record.request_opened().access().argv(1).text().size(), 16000U);
}

// A secret everywhere where somebody else's text can stand, and then looked for in every view.
class Canary : public ::testing::Test {
 protected:
  static constexpr const char* secret = "canary0123456789";
  static std::string with() { return std::string("MY_TOKEN=") + secret + " \x1b[31m\xff"; }

  static std::vector<Entry> entries() {
    auto asked = decided_request(true);
    asked.agent = asked.rule.id = asked.rule.reason = asked.outcome = asked.decision->channel = with();
    asked.decision->reason = event::mask(with());
    asked.decision->by = {"unix", with(), with()};
    event::Access access;
    access.fixed.identity.operations = 1U << HP_OP_EXEC;
    access.path = with();
    access.argv = {"tool", "--password", secret, with()};
    asked.access =
        event::mask(access, {1, with(), with(), {{1, with()}}}, {{with(), "", 1, 1, 1, with()}}, {with()});
    asked.comm = event::mask(with());
    auto given = grant();
    given.agent = given.operation = with();
    given.object = event::mask(with());
    auto started = session();
    started.agent = started.cgroup_path = started.recognised_by = started.owner.name = with();
    started.claims.purpose = event::mask(with());
    started.claims.labels = {{"a", with()}};
    const auto masked = event::mask(with());
    const approval::Principal by{"unix", "1", with()};
    event::Event happened{HP_EVENT_DENIED, access};
    return {daemon_started({masked, masked, with(), with()}),
            daemon_stopped(masked),
            policy_loaded({1, with(), {masked}, masked}, by),
            policy_refused(masked, by),
            session_started(started),
            session_ended(started, masked),
            held(asked, asked.holds[0]),
            request_opened(asked),
            decided(asked),
            expired(asked),
            cancelled(asked, 5, masked),
            superseded(asked, masked),
            released(asked, 5, true, masked),
            grant_made(given),
            grant_revoked(given, masked, by),
            kernel_event(happened, {with(), with(), with(), asked.access, masked, with(), masked}),
            from_note({with(), with(), with(), 1, 1, with()}, {}),
            from_note({"denial", with(), "", 1, 1, with()}, {.access = &asked.access}),
            from_note({"session", "", "", 1, 0, with()}, {})};
  }
};

TEST_F(Canary, SurvivesInNoRecordNoJsonAndNoLine) {
  for (const auto& entry : entries()) {
    const auto kind = kind_word(entry.record());
    for (const auto& view :
         {entry.record().SerializeAsString(), to_json(entry.record()), line(entry.record(), {.utc = true})}) {
      EXPECT_THAT(view, Not(HasSubstr(secret))) << kind;
      EXPECT_THAT(view, Not(HasSubstr("\x1b"))) << kind;
    }
  }
}

TEST_F(Canary, SurvivesInNoFileOfTheLog) {
  const TempDirectory directory;
  {
    auto log = Log::open(directory.path() + "/records", origin(), at(1));
    ASSERT_TRUE(log);
    for (const auto& entry : entries()) ASSERT_TRUE(log->append(entry, at(2), Durability::soon));
  }
  std::size_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory.path())) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(stream)), {});
    bytes += content.size();
    EXPECT_THAT(content, Not(HasSubstr(secret)));
  }
  EXPECT_GT(bytes, 1000U);
}

}  // namespace
}  // namespace holdpoint::audit
