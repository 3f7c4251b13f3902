// SPDX-License-Identifier: Apache-2.0
#include "approval/store.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "approval/codec.hpp"
#include "unit/approval/builders.hpp"

namespace holdpoint::approval::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

struct StoreTest : ::testing::Test {
  fs::path directory;
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "holdpoint-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
  }
  void TearDown() override { fs::remove_all(directory); }
  fs::path file() const { return directory / "holdpoint.db"; }
  Store opened() const {
    auto store = Store::open(directory);
    if (!store) throw std::runtime_error(store.error().text());
    return std::move(*store);
  }
  Error refused() const {
    auto store = Store::open(directory);
    if (store) {
      ADD_FAILURE() << "was opened";
      return {};
    }
    return store.error();
  }
  // Changes the file behind the store's back.
  void run_sql(const std::string& sql) const {
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &connection), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_close(connection);
  }
};

std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Request full_request(std::uint64_t number = 3) {
  Request request = make_hold({.id = 11}).draft;
  request.id = "r-" + std::to_string(number);
  request.state = RequestState::approved;
  request.access.argv = {event::restore_masked("--password", 0), event::restore_masked("‹secret›", 12)};
  request.access.executable = text("/usr/bin/cat");
  request.access.directory = text("/work");
  request.access.ancestors = {{12, text("bash")}, {1, text("init")}};
  request.access.bound = {{text("x.sh"), "ab12", 77, text("#!/bin/sh")}};
  request.access.warnings = {"content not bound"};
  request.comm = text("cat");
  request.tgid = 1011;
  request.uid = 1000;
  request.bindable = false;
  request.created = at(1).wall;
  request.deadline = at(900).wall;
  request.holds = {make_hold({.id = 11}).hold, make_hold({.id = 12, .refused = true}).hold};
  request.holds[0].state = HoldState::released;
  request.holds[0].answered = true;
  request.holds[0].ended_how = "approved";
  request.holds[0].kernel_digest = {~0ULL, 1};
  request.decision = approve(Scope::duration, 90min);
  request.decision->reason = event::restore_masked("fine ‹secret›", 3);
  request.decision->digest = "aa";
  request.decision->at = at(5).wall;
  request.outcome = "approved by ada (for 1h30m)";
  return request;
}

Grant full_grant() {
  Grant grant;
  grant.id = "g-4";
  grant.request = "r-3";
  grant.digest = "aa";
  grant.kernel_digest = {5, ~0ULL};
  grant.session = 7;
  grant.agent = "coder";
  grant.scope = Scope::once;
  grant.uses = 1;
  grant.created = at(5).wall;
  grant.not_after = at(905).wall;
  grant.by = {"unix", "1000", "ada"};
  grant.object = event::restore_masked("/root/‹secret›", 4);
  grant.operation = "read";
  return grant;
}

Session full_session() {
  Session session = make_session();
  session.claims = {text("Ada L."), text("fix the \"build\""), {{"ticket", "A-1"}, {"k", "v"}}};
  session.started = at(0).wall;
  return session;
}

Request small_request(std::uint64_t number, RequestState state = RequestState::open) {
  Request request = make_hold({.id = number}).draft;
  request.id = "r-" + std::to_string(number);
  request.state = state;
  return request;
}

TEST_F(StoreTest, EveryFieldComesBackAsItWasSaved) {
  {
    Store store = opened();
    ASSERT_TRUE(
        store.save({SaveRequest{full_request()}, SaveGrant{full_grant()}, SaveSession{full_session()}}));
  }
  Store store = opened();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().text();
  ASSERT_THAT(contents->requests, SizeIs(1));
  // Field by field below for what has an equality; the encoded text covers the rest, and is checked against a
  // change of each.
  EXPECT_EQ(encode(contents->requests[0]), encode(full_request()));
  EXPECT_EQ(contents->requests[0].holds, full_request().holds);
  EXPECT_EQ(contents->requests[0].access.argv, full_request().access.argv);
  EXPECT_EQ(contents->requests[0].access.argv[1].hidden(), 12U);
  EXPECT_EQ(contents->requests[0].access.ancestors, full_request().access.ancestors);
  EXPECT_EQ(contents->requests[0].access.bound[0].sha256, "ab12");
  EXPECT_EQ(contents->requests[0].rule.timeout, full_request().rule.timeout);
  EXPECT_EQ(contents->requests[0].decision->lifetime, 90min);
  EXPECT_EQ(contents->requests[0].decision->by, full_request().decision->by);
  EXPECT_EQ(contents->requests[0].deadline, at(900).wall);
  ASSERT_THAT(contents->grants, SizeIs(1));
  EXPECT_EQ(encode(contents->grants[0]), encode(full_grant()));
  EXPECT_EQ(contents->grants[0].uses, 1U);
  EXPECT_EQ(contents->grants[0].kernel_digest, full_grant().kernel_digest);
  ASSERT_THAT(contents->sessions, SizeIs(1));
  EXPECT_EQ(encode(contents->sessions[0]), encode(full_session()));
  EXPECT_EQ(contents->sessions[0].claims.labels, full_session().claims.labels);
  EXPECT_EQ(contents->counters.next_request, 4U);
  EXPECT_EQ(contents->counters.next_grant, 5U);
  EXPECT_EQ(contents->next_session, 8U);
  EXPECT_EQ(contents->next_hold, 13U);
}

TEST_F(StoreTest, ANewStoreIsEmptyAndPrivate) {
  ::umask(0);
  Store store = opened();
  const auto contents = store.load();
  ASSERT_TRUE(contents);
  EXPECT_THAT(contents->requests, IsEmpty());
  EXPECT_EQ(contents->counters.next_request, 1U);
  for (const auto& entry : fs::directory_iterator(directory)) {
    struct stat info{};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST_F(StoreTest, ALaterSaveReplacesAndEndedValuesAreNotLive) {
  Store store = opened();
  ASSERT_TRUE(
      store.save({SaveRequest{full_request()}, SaveGrant{full_grant()}, SaveSession{full_session()}}));
  Grant grant = full_grant();
  grant.revoked = at(6).wall;
  Session session = full_session();
  session.ended = at(6).wall;
  ASSERT_TRUE(store.save({SaveGrant{grant}, SaveSession{session}, SaveRequest{full_request()}}));
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().text();
  EXPECT_THAT(contents->requests, SizeIs(1));
  EXPECT_THAT(contents->grants, IsEmpty());
  EXPECT_THAT(contents->sessions, IsEmpty());
  EXPECT_EQ(contents->next_session, 8U);
  EXPECT_EQ(contents->counters.next_grant, 5U);
}

TEST_F(StoreTest, StepsThatSaveNothingChangeNothing) {
  Store store = opened();
  EXPECT_TRUE(store.save({}));
  EXPECT_TRUE(store.save({Note{}, Answer{}, Park{}}));
}

TEST_F(StoreTest, ASaveIsWholeOrNothing) {
  Store store = opened();
  Request broken = full_request(9);
  broken.id = "nonsense";
  EXPECT_FALSE(store.save({SaveRequest{full_request()}, SaveRequest{broken}}));
  EXPECT_THAT(store.load()->requests, IsEmpty());
  EXPECT_TRUE(store.save({SaveRequest{full_request()}}));
}

TEST_F(StoreTest, ASecondDaemonIsRefusedAndToldWho) {
  Store first = opened();
  const Error error = refused();
  EXPECT_THAT(error.message, HasSubstr("pid " + std::to_string(::getpid())));
  EXPECT_THAT(error.hint, HasSubstr("stop it"));
}

TEST_F(StoreTest, TheLockGoesWithTheStore) {
  {
    Store first = opened();
  }
  EXPECT_TRUE(Store::open(directory));
}

TEST_F(StoreTest, AForeignDatabaseIsRefusedAndUntouched) {
  run_sql("PRAGMA journal_mode=WAL; CREATE TABLE other(x); INSERT INTO other VALUES(1);");
  const std::string before = bytes_of(file());
  EXPECT_THAT(refused().message, HasSubstr("is not a Holdpoint store"));
  EXPECT_EQ(bytes_of(file()), before);
  EXPECT_FALSE(fs::exists(file().string() + "-wal"));
}

TEST_F(StoreTest, AForeignFileAnEmptyFileAndALinkAreRefusedAndUntouched) {
  std::ofstream(file()) << "my diary";
  EXPECT_THAT(refused().message, HasSubstr("is not a Holdpoint store"));
  EXPECT_EQ(bytes_of(file()), "my diary");
  fs::resize_file(file(), 0);
  EXPECT_THAT(refused().message, HasSubstr("is not a Holdpoint store"));
  fs::remove(file());
  fs::create_symlink(directory / "elsewhere", file());
  EXPECT_THAT(refused().message, HasSubstr("is not a regular file"));
}

TEST_F(StoreTest, ANewerVersionIsRefusedAndUntouched) {
  {
    Store store = opened();
  }
  run_sql("PRAGMA journal_mode=DELETE; PRAGMA user_version=99;");
  const std::string before = bytes_of(file());
  EXPECT_THAT(refused().message, HasSubstr("version 99"));
  EXPECT_EQ(bytes_of(file()), before);
}

TEST_F(StoreTest, ADamagedFileIsRefused) {
  {
    Store store = opened();
    Steps steps;
    for (std::uint64_t number = 1; number <= 50; ++number)
      steps.emplace_back(SaveRequest{full_request(number)});
    ASSERT_TRUE(store.save(steps));
  }
  const auto size = fs::file_size(file());
  ASSERT_GT(size, 4 * 4096U);
  std::fstream stream(file(), std::ios::binary | std::ios::in | std::ios::out);
  stream.seekp(4096);
  const std::string noise(static_cast<std::size_t>(size) - 4096, '\x5a');
  stream << noise;
  stream.close();
  EXPECT_FALSE(refused().hint.empty());
}

TEST_F(StoreTest, ARowThatSomebodyEditedIsAnErrorThatNamesIt) {
  const std::pair<const char*, const char*> edits[] = {
      {"UPDATE requests SET value='{' WHERE number=3", "is not JSON"},
      {"UPDATE requests SET value='[]'", "an object was expected"},
      {"UPDATE requests SET state='open'", "the columns do not say"},
      {"UPDATE requests SET value=json_set(value,'$.state','maybe')", "request.state"},
      {"UPDATE requests SET value=json_set(value,'$.state','denied'), state='denied'", "request.decision"},
      {"UPDATE requests SET value=json_remove(value,'$.decision')", "request.decision"},
      {"UPDATE requests SET value=json_set(value,'$.extra',1)", "request.extra"},
      {"UPDATE requests SET value=json_set(value,'$.uid',-1)", "request.uid"},
      {"UPDATE requests SET value=json_set(value,'$.uid',4294967296)", "request.uid"},
      {"UPDATE requests SET value=json_set(value,'$.holds[0].answered',null)", "released without an answer"},
      {"UPDATE requests SET value=json_set(value,'$.access.argv[0]','raw')", "request.access.argv"},
      {"UPDATE grants SET value=json_set(value,'$.uses','many')", "grant.uses"},
      {"UPDATE grants SET value=json_set(value,'$.id','g-5')", "the columns do not say"},
      {"UPDATE sessions SET value=json_set(value,'$.labels',1)", "session.labels"}};
  for (const auto& [sql, expected] : edits) {
    fs::remove(file());
    {
      Store store = opened();
      ASSERT_TRUE(
          store.save({SaveRequest{full_request()}, SaveGrant{full_grant()}, SaveSession{full_session()}}));
    }
    run_sql(sql);
    Store store = opened();
    const auto contents = store.load();
    ASSERT_FALSE(contents) << sql;
    EXPECT_THAT(contents.error().message, HasSubstr(expected)) << sql;
    EXPECT_THAT(contents.error().message, HasSubstr("row ")) << sql;
  }
}

TEST_F(StoreTest, BytesThatAreNotUtf8DoNotStopASave) {
  Store store = opened();
  Session session = full_session();
  session.cgroup_path = "/agents.slice/\xff\xfe.scope";
  ASSERT_TRUE(store.save({SaveSession{session}}));
  EXPECT_EQ(store.load()->sessions[0].cgroup_path, "/agents.slice/��.scope");
}

TEST_F(StoreTest, OldEndedRequestsAreDroppedAndOpenOnesNever) {
  Store store = opened();
  Steps steps;
  for (std::uint64_t number = 1; number <= 1200; ++number)
    steps.emplace_back(
        SaveRequest{small_request(number, number == 1 ? RequestState::open : RequestState::expired)});
  ASSERT_TRUE(store.save(steps));
  auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().text();
  EXPECT_THAT(contents->requests, SizeIs(1001)) << "the open one and the newest 1,000 others";
  ASSERT_TRUE(store.save({SaveRequest{small_request(11'000, RequestState::expired)}}));
  contents = store.load();
  EXPECT_THAT(contents->requests, SizeIs(1 + 200 + 1)) << "r-1, r-1001 to r-1200, r-11000";
  EXPECT_EQ(contents->counters.next_request, 11'001U);
}

TEST_F(StoreTest, AFullDiskIsAnErrorThatChangesNothingAndPasses) {
  const fs::path small = directory / "small";
  fs::create_directory(small);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=512k") != 0)
    GTEST_SKIP() << "needs root and the right to mount: " << std::generic_category().message(errno);
  {
    auto store = Store::open(small);
    EXPECT_TRUE(store);
    std::uint64_t saved = 0;
    Result<std::uint64_t> done;
    while (store && saved < 5000 && (done = store->save({SaveRequest{full_request(saved + 1)}}))) ++saved;
    EXPECT_FALSE(done);
    EXPECT_EQ(done ? 0 : done.error().code, ENOSPC);
    const auto contents = store->load();
    EXPECT_TRUE(contents);
    EXPECT_EQ(contents->counters.next_request, saved + 1) << "what failed is not there, what was saved is";
    EXPECT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
    EXPECT_TRUE(store->save({SaveRequest{full_request(saved + 1)}})) << "with room it goes on";
  }
  EXPECT_EQ(::umount(small.c_str()), 0);
}

TEST_F(StoreTest, AFullDiskAtTheVeryStartLeavesNoHalfStore) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8192, 8192};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::_exit(Store::open(directory) ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child opened a store without room for one";
  EXPECT_FALSE(fs::exists(file()));
  EXPECT_TRUE(Store::open(directory));
}

TEST_F(StoreTest, WhatSaveReturnedForSurvivesAKill) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    auto store = Store::open(directory);
    for (std::uint64_t number = 1; store && store->save({SaveRequest{small_request(number)}}); ++number)
      if (::write(pipe_ends[1], &number, sizeof number) != sizeof number) break;
    ::_exit(1);
  }
  ::close(pipe_ends[1]);
  std::uint64_t told = 0;
  while (told < 50 && ::read(pipe_ends[0], &told, sizeof told) == sizeof told) {
  }
  ::kill(child, SIGKILL);
  while (::read(pipe_ends[0], &told, sizeof told) == sizeof told) {
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_GE(told, 50U);
  Store store = opened();
  const auto contents = store.load();
  ASSERT_TRUE(contents) << contents.error().text();
  EXPECT_GE(contents->requests.size(), told);
  EXPECT_LE(contents->requests.size(), told + 1) << "at most the save that was under way";
}

}  // namespace
}  // namespace holdpoint::approval::test
