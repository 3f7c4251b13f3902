// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>

#include "approval/store.hpp"
#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

// `undo`: makes a store of this version one of an older version.
void take_over(const std::string& undo) {
  std::string directory = (std::filesystem::temp_directory_path() / "holdpoint-store-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  {
    auto store = Store::open(directory);
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->save({SaveSession{make_session()}}));
  }
  sqlite3* connection = nullptr;
  ASSERT_EQ(sqlite3_open((directory + "/holdpoint.db").c_str(), &connection), SQLITE_OK);
  EXPECT_EQ(
      sqlite3_exec(connection, ("PRAGMA journal_mode=DELETE; " + undo).c_str(), nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(connection);
  for (int start = 0; start < 2; ++start) {
    auto store = Store::open(directory);
    ASSERT_TRUE(store) << store.error().text();
    EXPECT_THAT(store->load()->sessions, ::testing::SizeIs(1));
    EXPECT_THAT(*store->outbox(0, 10), ::testing::IsEmpty());
    EXPECT_THAT(store->load()->operators.lockdowns, ::testing::SizeIs(start));
    OperatorState stopped;
    put(stopped, {{"coder", 0}, text("stop"), {"unix", "0", "root"}, at(1).wall});
    EXPECT_TRUE(store->save({SaveOperator{stopped}}));
    EXPECT_TRUE(store->save({SaveSession{make_session(8 + start)}}));
    EXPECT_TRUE(store->save({SaveSession{make_session(7)}}));
    Session ended = make_session(8 + start);
    ended.ended = at(1).wall;
    EXPECT_TRUE(store->save({SaveSession{ended}}));
  }
  std::filesystem::remove_all(directory);
}

TEST(StoreVersion, AStoreOfVersion1IsTakenOver) {
  take_over(
      "DROP TABLE switches; DROP TABLE outbox; DELETE FROM counters WHERE name='next_record'; PRAGMA "
      "user_version=1;");
}

TEST(StoreVersion, AStoreOfVersion2IsTakenOver) { take_over("DROP TABLE switches; PRAGMA user_version=2;"); }

TEST(StoreVersion, AStoreOfVersion3IsTakenOver) {
  take_over("UPDATE sessions SET value = json_remove(value, '$.tagged_by'); PRAGMA user_version=3;");
}

}  // namespace
}  // namespace holdpoint::approval::test
