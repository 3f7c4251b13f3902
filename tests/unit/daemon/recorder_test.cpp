// SPDX-License-Identifier: Apache-2.0
// What is stored is recorded, exactly once, wherever the daemon was killed.
#include "daemon/recorder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <optional>

#include "unit/audit/builders.hpp"

namespace holdpoint::daemon {
namespace {

using namespace audit::testing_values;

struct StillClock final : Clock {
  std::int64_t seconds = 100;
  [[nodiscard]] Now now() const override { return at(seconds); }
};

// One life of the daemon: ends without a word, as kill -9 does.
struct Life {
  approval::Store store;
  Recorder recorder;

  static Life begin(const std::string& directory, const Clock& clock) {
    auto store = approval::Store::open(directory);
    auto log = audit::Log::open(directory + "/records", audit::testing_values::origin(), clock.now());
    if (!store || !log) throw std::runtime_error("no store or no log");
    Life life{std::move(*store), Recorder(std::move(*log), clock)};
    life.recorder.begin(life.store);
    return life;
  }
  std::uint64_t save(const std::string& id) {
    records.clear();
    auto kept = request();
    kept.id = id;
    records.push_back(recorder.keep(audit::decided(kept)));
    const auto first = store.save({approval::SaveRequest{kept}}, records);
    if (!first) throw std::runtime_error(first.error().text());
    return *first;
  }
  void write(std::uint64_t first) { recorder.write_kept(store, first, records); }

  std::vector<approval::RecordBytes> records{};
};

class RecorderTest : public ::testing::Test {
 protected:
  Life life() { return Life::begin(directory_.path(), clock_); }
  std::vector<v1::Record> all() const {
    std::vector<v1::Record> out;
    auto reader = audit::Reader::open(directory_.path() + "/records", 0);
    if (!reader) return out;
    for (auto record = reader->next(); record && *record; record = reader->next()) out.push_back(**record);
    return out;
  }
  // The requests that decisions in the log are about.
  std::vector<std::string> decided() const {
    std::vector<std::string> out;
    for (const auto& record : all())
      if (record.has_decided()) out.push_back(record.request());
    return out;
  }
  std::string segment() const { return directory_.path() + "/records/00000000000000000001.records"; }

  audit::testing_values::TempDirectory directory_;
  StillClock clock_;
};

TEST_F(RecorderTest, AModeIsStoredWithItsRecordAndTakenBack) {
  approval::ModeOverride mode{
      "coder", "keys", "observe", at(5).wall, {"unix", "0", "root"}, event::mask("first day")};
  const auto record_of = [&](const Life& daemon) {
    return daemon.recorder.keep(
        audit::mode_changed({mode.agent, mode.rule, "enforce", mode.mode, false, mode.reason}, mode.by));
  };
  {
    auto daemon = life();
    ASSERT_EQ(daemon.store.save(mode, record_of(daemon)), 1U);
    mode.mode = "enforce";
    ASSERT_EQ(daemon.store.save(mode, record_of(daemon)), 2U);
    approval::ModeOverride other = mode;
    other.rule = "";
    ASSERT_EQ(daemon.store.save(other, record_of(daemon)), 3U);
  }
  auto daemon = life();
  const auto modes = daemon.store.load()->modes;
  ASSERT_EQ(modes.size(), 2U);
  EXPECT_EQ(modes[0].rule, "");
  EXPECT_EQ(modes[1].agent + " " + modes[1].rule + " " + modes[1].mode, "coder keys enforce");
  EXPECT_EQ(modes[1].since, mode.since);
  EXPECT_EQ(modes[1].by, mode.by);
  EXPECT_EQ(modes[1].reason.text(), "first day");
  EXPECT_EQ(all().size(), 3U) << "killed before: written at the next start";
  EXPECT_EQ(all().back().mode().to(), "enforce");
  mode.mode = "";
  ASSERT_TRUE(daemon.store.save(mode, record_of(daemon)));
  EXPECT_EQ(daemon.store.load()->modes.size(), 1U);
}

TEST_F(RecorderTest, KilledBetweenTheStoreAndTheLogTheRecordIsWrittenAtTheNextStart) {
  {
    auto daemon = life();
    daemon.write(daemon.save("r-1"));
    (void)daemon.save("r-2");
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1"));
  clock_.seconds = 500;
  {
    auto daemon = life();
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2"));
  EXPECT_EQ(all().back().wall_time_ns(), 100'000'000'000) << "when it happened, not when it was written";
  {
    auto daemon = life();
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2")) << "once";
}

TEST_F(RecorderTest, KilledBehindTheLogTheRecordIsNotWrittenTwice) {
  {
    auto daemon = life();
    daemon.write(daemon.save("r-1"));
  }
  {
    auto daemon = life();
    daemon.write(daemon.save("r-2"));
    daemon.recorder.sync(daemon.store);
    daemon.write(daemon.save("r-3"));
  }
  {
    auto daemon = life();
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2", "r-3"));
}

TEST_F(RecorderTest, KilledInTheMiddleOfTheWriteTheRecordIsWrittenWholeAndOnce) {
  std::uintmax_t whole = 0, torn = 0;
  {
    auto daemon = life();
    daemon.write(daemon.save("r-1"));
    whole = std::filesystem::file_size(segment());
    daemon.write(daemon.save("r-2"));
    torn = std::filesystem::file_size(segment());
  }
  const auto image = directory_.path() + ".image";
  std::filesystem::copy(directory_.path(), image, std::filesystem::copy_options::recursive);
  for (auto size = whole; size < torn; size += 7) {
    std::filesystem::remove_all(directory_.path());
    std::filesystem::copy(image, directory_.path(), std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(segment(), size);
    {
      auto daemon = life();
    }
    EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2")) << size;
  }
  std::filesystem::remove_all(image);
}

TEST_F(RecorderTest, ARecordThatTheLogCannotTakeWaitsInTheStore) {
  {
    auto daemon = life();
    daemon.write(daemon.save("r-1"));
    const auto first = daemon.save("r-2");
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{std::filesystem::file_size(segment()) + 20, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);  // stands for a full disk
    daemon.write(first);
    EXPECT_TRUE(daemon.recorder.behind());
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    daemon.write(daemon.save("r-3"));
    EXPECT_FALSE(daemon.recorder.behind());
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2", "r-3"));
  for (const auto& record : all()) EXPECT_FALSE(record.has_lost());
}

TEST_F(RecorderTest, AStoreThatIsYoungerThanTheLogLosesNoRecord) {
  {
    auto daemon = life();
    for (const auto* id : {"r-1", "r-2", "r-3"}) daemon.write(daemon.save(id));
  }
  for (const auto* file : {"holdpoint.db", "holdpoint.db-wal", "holdpoint.db-shm"})
    std::filesystem::remove(directory_.path() + "/" + file);
  {
    auto daemon = life();
    (void)daemon.save("r-1");
  }
  {
    auto daemon = life();
  }
  EXPECT_THAT(decided(), ::testing::ElementsAre("r-1", "r-2", "r-3", "r-1"));
}

}  // namespace
}  // namespace holdpoint::daemon
