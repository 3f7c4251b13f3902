// SPDX-License-Identifier: Apache-2.0
#include "approval/operator_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "approval/store.hpp"
#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const LockScope everybody;
const LockScope coder{"coder", 0};
const LockScope seventh{"", 7};

Lockdown lockdown(const LockScope& scope, const std::string& why = "it mails customers") {
  return {scope, text(why), {"unix", "0", "root"}, at(3).wall};
}

OperatorState full() {
  OperatorState state;
  for (const auto& scope : {coder, seventh}) put(state, lockdown(scope));
  state.disarming = Disarming{text("restore"), {"unix", "0", "root"}, at(5).wall, at(65).wall, at(65).boot};
  return state;
}

TEST(OperatorState, ALockdownCoversItsAgentItsSessionOrEverybody) {
  EXPECT_TRUE(covers(everybody, "any", 1));
  EXPECT_TRUE(covers(coder, "coder", 1));
  EXPECT_FALSE(covers(coder, "coder2", 1));
  EXPECT_TRUE(covers(seventh, "coder", 7));
  EXPECT_FALSE(covers(seventh, "coder", 8));
  EXPECT_EQ(lockdown_of({}, "coder", 7), nullptr);
  const auto state = full();
  EXPECT_EQ(lockdown_of(state, "cleaner", 8), nullptr);
  EXPECT_EQ(lockdown_of(state, "cleaner", 7)->scope, seventh);
  EXPECT_EQ(lockdown_of(state, "coder", 8)->scope, coder);
}

TEST(OperatorState, AScopeHasOneLockdownAndItsReleaseLeavesTheOthers) {
  auto state = full();
  put(state, lockdown(coder, "again"));
  ASSERT_THAT(state.lockdowns, SizeIs(2));
  EXPECT_EQ(state.lockdowns.back().reason.text(), "again");
  EXPECT_FALSE(remove(state, everybody)) << "releasing everybody is not releasing each";
  EXPECT_TRUE(remove(state, coder));
  EXPECT_FALSE(remove(state, coder));
  EXPECT_NE(lockdown_of(state, "coder", 7), nullptr) << "the session's own stays";
  EXPECT_EQ(lockdown_of(state, "coder", 8), nullptr);
}

TEST(OperatorState, ADisarmingIsOverAtItsTime) {
  const auto state = full();
  EXPECT_NE(disarming_at(state, at(64).boot), nullptr);
  EXPECT_EQ(disarming_at(state, at(65).boot), nullptr);
  EXPECT_EQ(disarming_at({}, at(0).boot), nullptr);
}

TEST(OperatorState, HasWordsForWhomItIsAbout) {
  EXPECT_EQ(scope_phrase(everybody), "every agent");
  EXPECT_EQ(scope_phrase(coder), "agent coder");
  EXPECT_EQ(scope_phrase(seventh), "session 7");
  EXPECT_EQ(scope_word(everybody), "all");
  EXPECT_EQ(scope_word(coder), "agent");
  EXPECT_EQ(scope_word(seventh), "session");
}

TEST(OperatorState, ComesBackFromTheStoreAsItWas) {
  const auto read = decode_operator_state(encode(full()));
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_THAT(read->lockdowns, SizeIs(2));
  EXPECT_EQ(read->lockdowns[0].scope, coder);
  EXPECT_EQ(read->lockdowns[1].scope, seventh);
  EXPECT_EQ(read->lockdowns[0].reason.text(), "it mails customers");
  EXPECT_EQ(read->lockdowns[0].by.name, "root");
  EXPECT_EQ(read->lockdowns[0].since, at(3).wall);
  ASSERT_TRUE(read->disarming);
  EXPECT_EQ(read->disarming->until, at(65).wall);
  EXPECT_EQ(read->disarming->until_boot, at(65).boot);
  EXPECT_EQ(encode(*read), encode(full()));
  EXPECT_FALSE(decode_operator_state(encode({}))->disarming);
}

TEST(OperatorState, WhatIsHalfReadIsAnError) {
  for (const char* bad : {"", "[]", "{}", R"({"lockdowns":[],"disarming":null,"more":1})",
                          R"({"lockdowns":[{"agent":"a"}],"disarming":null})",
                          R"({"lockdowns":[],"disarming":{"reason":["x",0]}})"})
    EXPECT_FALSE(decode_operator_state(bad)) << bad;
}

TEST(OperatorState, OutlivesTheStoresConnection) {
  std::string directory = (std::filesystem::temp_directory_path() / "holdpoint-store-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  {
    auto store = Store::open(directory);
    ASSERT_TRUE(store);
    EXPECT_THAT(store->load()->operators.lockdowns, IsEmpty());
    ASSERT_TRUE(store->save({SaveOperator{full()}}));
  }
  {
    auto store = Store::open(directory);
    ASSERT_TRUE(store);
    EXPECT_EQ(encode(store->load()->operators), encode(full()));
    ASSERT_TRUE(store->save({SaveOperator{}}));
    EXPECT_EQ(encode(store->load()->operators), encode(OperatorState{}));
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace holdpoint::approval::test
