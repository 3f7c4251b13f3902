// SPDX-License-Identifier: Apache-2.0
#include "decision/hold_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace holdpoint::decision {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

event::Access access() {
  event::Access made;
  made.fixed.identity.session = 7;
  made.fixed.identity.operations = 1U << HP_OP_EXEC;
  made.fixed.identity.argc = 3;
  made.fixed.hold_id = 40;
  made.fixed.tid = 101;
  made.fixed.tgid = 100;
  made.fixed.start_time = 5'000;
  made.fixed.digest[0] = 11;
  made.fixed.digest[1] = 12;
  made.path = "/usr/bin/bash";
  made.argv = {"bash", "x.sh", "last"};
  return made;
}

std::vector<event::BoundFile> bound() { return {{"/w/x.sh", std::string(64, 'a'), 10, 1, 2, "echo"}}; }

TEST(RequestDigest, EveryByteOfTheIdentityCounts) {
  const auto base = request_digest(access(), bound());
  std::set<std::string> seen{base};
  for (std::size_t at = 0; at < sizeof(hp_identity); ++at) {
    auto other = access();
    unsigned char bytes[sizeof(hp_identity)];
    std::memcpy(bytes, &other.fixed.identity, sizeof(bytes));
    bytes[at] ^= 0x40;
    std::memcpy(&other.fixed.identity, bytes, sizeof(bytes));
    EXPECT_TRUE(seen.insert(request_digest(other, bound())).second) << "byte " << at;
  }
}

TEST(RequestDigest, EveryByteOfPathArgvAndBoundFilesCounts) {
  std::set<std::string> seen{request_digest(access(), bound())};
  const auto differs = [&](const event::Access& a, const std::vector<event::BoundFile>& files) {
    return seen.insert(request_digest(a, files)).second;
  };
  for (std::size_t at = 0; at < access().path.size(); ++at) {
    auto other = access();
    other.path[at] ^= 1;
    EXPECT_TRUE(differs(other, bound())) << "path " << at;
  }
  for (std::size_t word = 0; word < access().argv.size(); ++word)
    for (std::size_t at = 0; at < access().argv[word].size(); ++at) {
      auto other = access();
      other.argv[word][at] ^= 1;
      EXPECT_TRUE(differs(other, bound())) << "argument " << word << " byte " << at;
    }
  for (std::size_t at = 0; at < 64; ++at) {
    auto other = bound();
    other[0].sha256[at] = 'b';
    EXPECT_TRUE(differs(access(), other)) << "hash " << at;
  }
  for (std::size_t at = 0; at < bound()[0].path.size(); ++at) {
    auto other = bound();
    other[0].path[at] ^= 1;
    EXPECT_TRUE(differs(access(), other)) << "bound path " << at;
  }
}

TEST(RequestDigest, TheBordersOfItsPartsCount) {
  auto joined = access();
  joined.argv = {"bash", "x.shlast"};
  auto apart = access();
  apart.argv = {"bash", "x.sh", "last"};
  auto empty = access();
  empty.argv = {"bash", "x.sh", "last", ""};
  auto moved = access();
  moved.path = "/usr/bin/bas";
  moved.argv = {"hbash", "x.sh", "last"};
  const std::set<std::string> digests{request_digest(joined, {}), request_digest(apart, {}),
                                      request_digest(empty, {}), request_digest(moved, {})};
  EXPECT_EQ(digests.size(), 4U);
  auto one = access(), two = access();
  one.path = "/a";
  one.second = "/bc";
  two.path = "/a/b";
  two.second = "c";
  EXPECT_NE(request_digest(one, {}), request_digest(two, {}));
  two.path = "/a";
  EXPECT_NE(request_digest(one, {}), request_digest(two, {})) << "the second name counts";
  auto twice = bound();
  twice.push_back(twice[0]);
  EXPECT_NE(request_digest(access(), bound()), request_digest(access(), twice));
  EXPECT_NE(request_digest(access(), bound()), request_digest(access(), {}));
}

TEST(RequestDigest, WhetherAllIsShownCounts) {
  EXPECT_NE(request_digest(access(), bound(), true), request_digest(access(), bound(), false));
  EXPECT_NE(request_digest(access(), {}, true), request_digest(access(), {}, false));
}

TEST(RequestDigest, WhoWaitsDoesNotCount) {
  auto other = access();
  other.fixed.hold_id = 41;
  other.fixed.tid = 999;
  other.fixed.tgid = 998;
  other.fixed.since = 77;
  other.fixed.attempts = 3;
  EXPECT_EQ(request_digest(access(), bound()), request_digest(other, bound()));
}

class MakeHold : public ::testing::Test {
 protected:
  approval::NewHold make(const event::Access& held) {
    return make_hold({held, process_, bound_, complete_, input_, outcome_, 3, "coder"}, now_);
  }
  event::Process process_{100, "/usr/bin/sh", "/w", {}};
  std::vector<event::BoundFile> bound_ = bound();
  bool complete_ = true;
  bool input_ = false;
  policy::Outcome outcome_;
  Now now_{WallTime(std::chrono::hours(1000)), BootTime{9'000'000'000}};
};

TEST_F(MakeHold, CarriesWhatTheAnswerNeeds) {
  const auto made = make(access());
  EXPECT_EQ(made.hold.id, 40U);
  EXPECT_EQ(made.hold.kernel_digest[0], 11U);
  EXPECT_EQ(made.hold.kernel_digest[1], 12U);
  EXPECT_EQ(made.hold.tid, 101);
  EXPECT_EQ(made.hold.tgid, 100);
  EXPECT_EQ(made.hold.start_time, 5'000U);
  EXPECT_EQ(made.draft.digest, request_digest(access(), bound()));
  EXPECT_EQ(made.draft.session, 7U);
  EXPECT_EQ(made.draft.agent, "coder");
  EXPECT_TRUE(made.bindable);
  EXPECT_THAT(made.draft.access.warnings, IsEmpty());
}

TEST_F(MakeHold, ItsTimeIsTheKernelsMoment) {
  auto held = access();
  held.fixed.since = 8'000'000'000;
  EXPECT_EQ(make(held).hold.since, now_.wall - std::chrono::seconds(1));
  held.fixed.since = 10'000'000'000;  // after what we call now: it has no age, not a huge one
  EXPECT_EQ(make(held).hold.since, now_.wall);
}

TEST_F(MakeHold, WhatCannotBeVerifiedCanOnlyBeDenied) {
  auto held = access();
  held.fixed.flags = HP_ACCESS_ARGV_CUT;
  EXPECT_FALSE(make(held).bindable);
}

TEST_F(MakeHold, ARefusedAccessIsNoThreadThatWaits) {
  auto held = access();
  held.fixed.flags = HP_ACCESS_REFUSED;
  EXPECT_EQ(make(held).hold.state, approval::HoldState::refused);
  EXPECT_EQ(make(access()).hold.state, approval::HoldState::held);
}

TEST_F(MakeHold, EveryDangerIsAWarning) {
  const std::pair<unsigned, const char*> dangers[] = {
      {HP_ACCESS_UNLINKED, "no name any more"}, {HP_ACCESS_ARGV_CUT, "cannot be verified"},
      {HP_ACCESS_TRUNCATE, "emptied"},          {HP_ACCESS_FAST_OPEN, "fast open"},
      {HP_ACCESS_CHANGED, "content changed"},   {HP_ACCESS_REFUSED, "refused at once"}};
  for (const auto& [flag, text] : dangers) {
    auto held = access();
    held.fixed.flags = flag;
    EXPECT_THAT(make(held).draft.access.warnings, Contains(HasSubstr(text)));
  }
  EXPECT_THAT(make(access()).draft.access.warnings, Not(Contains(HasSubstr("content not bound"))));
  complete_ = false;
  EXPECT_THAT(make(access()).draft.access.warnings, Contains(HasSubstr("could not be hashed")));
  input_ = true;
  EXPECT_THAT(make(access()).draft.access.warnings, Contains(HasSubstr("standard input is a file")));
}

TEST_F(MakeHold, AWarningCarriesNoTextOfTheAgentsThatATerminalWouldActOn) {
  auto held = access();
  held.environment = {"BASH_FUNC_a\x1b[2J%%=() { evil; }", "PATH=/bin",
                      "BASH_FUNC_" + std::string(500, 'x') + "%%="};
  const auto warnings = make(held).draft.access.warnings;
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_THAT(warnings[0], HasSubstr("sets BASH_FUNC_a"));
  EXPECT_THAT(warnings[0], Not(HasSubstr("\x1b")));
  EXPECT_LT(warnings[1].size(), 200U);
}

TEST(ToQuery, IsTheAccessAsThePolicySeesIt) {
  auto held = access();
  held.fixed.identity.kind = HP_OBJECT_INET;
  held.fixed.identity.operations = 1U << HP_OP_CONNECT;
  held.fixed.identity.port = 5432;
  held.fixed.identity.protocol = 6;
  held.fixed.identity.address[15] = 9;
  const auto query = to_query(held, "/usr/bin/psql");
  EXPECT_EQ(query.operations, 1U << HP_OP_CONNECT);
  EXPECT_EQ(query.kind, HP_OBJECT_INET);
  EXPECT_EQ(query.port, 5432);
  EXPECT_EQ(query.protocol, 6);
  EXPECT_EQ(query.address[15], 9);
  EXPECT_EQ(query.executable, "/usr/bin/psql");
}

}  // namespace
}  // namespace holdpoint::decision
