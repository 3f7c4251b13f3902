// SPDX-License-Identifier: Apache-2.0
#include "audit/log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "audit/frame.hpp"
#include "audit/segment.hpp"
#include "unit/audit/builders.hpp"

namespace holdpoint::audit {
namespace {

using namespace testing_values;
namespace fs = std::filesystem;

class LogTest : public ::testing::Test {
 protected:
  std::string records() const { return directory_.path() + "/records"; }
  std::string segment(std::uint64_t first) const { return records() + "/" + segment_name(first); }
  Log open(Log::Options options = {}) {
    auto log = Log::open(records(), origin(), at(1), options);
    if (!log) throw std::runtime_error(log.error().text());
    return *std::move(log);
  }
  static void fill(Log& log, int count) {
    for (int i = 0; i < count; ++i) {
      auto record = log.append(expired(request()), at(i), Durability::soon);
      ASSERT_TRUE(record) << record.error().text();
    }
  }
  static std::vector<std::uint64_t> sequences(const std::vector<v1::Record>& found) {
    std::vector<std::uint64_t> out;
    for (const auto& record : found) out.push_back(record.sequence());
    return out;
  }
  std::vector<v1::Record> all() const {
    auto reader = Reader::open(records(), 0);
    std::vector<v1::Record> out;
    if (!reader) return out;
    for (auto record = reader->next(); record && *record; record = reader->next()) out.push_back(**record);
    return out;
  }

  TempDirectory directory_;
};

TEST_F(LogTest, RecordsGetSequenceOriginAndTimes) {
  auto log = open();
  const auto first = log.append(request_opened(request()), at(100), Durability::now);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->sequence(), 1U);
  EXPECT_EQ(first->host(), "host1");
  EXPECT_EQ(first->boot_id(), "boot-1");
  EXPECT_EQ(first->wall_time_ns(), 100'000'000'000);
  EXPECT_EQ(first->boot_time_ns(), 100'000'000'000U);
  EXPECT_EQ(log.append(expired(request()), at(101), Durability::now)->sequence(), 2U);
  const auto found = all();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].SerializeAsString(), first->SerializeAsString());
}

TEST_F(LogTest, FilesAreForTheOwnerOnly) {
  auto log = open();
  struct stat status{};
  ASSERT_EQ(::stat(records().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(segment(1).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(LogTest, SequenceGoesOnAfterARestart) {
  {
    auto log = open();
    fill(log, 3);
  }
  auto log = open();
  EXPECT_EQ(log.last_sequence(), 3U);
  fill(log, 1);
  EXPECT_THAT(sequences(all()), ::testing::ElementsAre(1, 2, 3, 4));
}

TEST_F(LogTest, SecondWriterIsRefused) {
  auto log = open();
  const auto second = Log::open(records(), origin(), at(1));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text(), ::testing::HasSubstr("another process"));
}

TEST_F(LogTest, EveryTornEndIsCutAwayAndNoted) {
  std::uintmax_t whole = 0, torn = 0;
  {
    auto log = open();
    fill(log, 2);
    whole = fs::file_size(segment(1));
    fill(log, 1);
    torn = fs::file_size(segment(1));
  }
  const auto image = records() + ".image";
  fs::copy(records(), image);
  for (auto size = whole + 1; size < torn; ++size) {
    fs::remove_all(records());
    fs::copy(image, records());
    fs::resize_file(segment(1), size);
    auto log = open();
    ASSERT_EQ(log.last_sequence(), 3U) << size;
    const auto found = all();
    ASSERT_EQ(found.size(), 3U) << size;
    EXPECT_EQ(found[2].lost().reason(), "torn-tail");
    EXPECT_EQ(found[2].lost().bytes(), size - whole);
    fill(log, 1);
    EXPECT_EQ(all().size(), 4U);
  }
}

TEST_F(LogTest, CrashWhileASegmentIsMadeLeavesAWorkingLog) {
  for (std::uintmax_t size = 0; size < segment_head; ++size) {
    fs::remove_all(records());
    {
      auto log = open();
    }
    fs::resize_file(segment(1), size);
    auto log = open();
    fill(log, 1);
    EXPECT_THAT(sequences(all()), ::testing::ElementsAre(1)) << size;
  }
}

TEST_F(LogTest, DamageInTheMiddleIsKeptAsideAndNoted) {
  std::uintmax_t before = 0;
  {
    auto log = open();
    fill(log, 1);
    before = fs::file_size(segment(1));
    fill(log, 2);
  }
  {
    std::fstream file(segment(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(before + frame_head + 3));
    file.put('\xff');
  }
  const auto size = fs::file_size(segment(1));
  auto log = open();
  const auto found = all();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].lost().bytes(), size - before);
  const auto kept = segment(1) + ".damaged-" + std::to_string(before);
  ASSERT_TRUE(fs::exists(kept));
  EXPECT_EQ(fs::file_size(kept), size - before);
}

TEST_F(LogTest, OtherFilesAreRefused) {
  fs::create_directory(records());
  std::ofstream(segment(1)) << "something else entirely";
  const auto log = Log::open(records(), origin(), at(1));
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().text(), ::testing::HasSubstr("not a Holdpoint record file"));
  std::ofstream(segment(1)) << std::string("HPRECORD\2\0\0\0\0\0\0\0", 16);
  EXPECT_THAT(Log::open(records(), origin(), at(1)).error().text(), ::testing::HasSubstr("newer version"));
}

TEST_F(LogTest, LinkInPlaceOfTheDirectoryIsRefused) {
  fs::create_directory(directory_.path() + "/elsewhere");
  fs::create_directory_symlink(directory_.path() + "/elsewhere", records());
  EXPECT_FALSE(Log::open(records(), origin(), at(1)));
}

TEST_F(LogTest, SegmentsRotateAndTheReaderCrossesThem) {
  auto log = open({.segment_bytes = 1000});
  fill(log, 40);
  const auto segments = *list_segments(records());
  EXPECT_GE(segments.size(), 4U);
  for (const auto first : segments) EXPECT_LE(fs::file_size(segment(first)), 1000U);
  EXPECT_EQ(all().size(), 40U);
}

TEST_F(LogTest, ReaderBeginsAnywhere) {
  auto log = open({.segment_bytes = 1000});
  fill(log, 40);
  for (std::uint64_t after = 0; after <= 41; ++after) {
    const auto found = log.read(after, 100);
    ASSERT_TRUE(found) << found.error().text();
    ASSERT_EQ(found->size(), after >= 40 ? 0 : 40 - after);
    if (!found->empty()) {
      EXPECT_EQ(found->front().sequence(), after + 1);
    }
  }
  EXPECT_THAT(sequences(*log.read(5, 2)), ::testing::ElementsAre(6, 7));
}

TEST_F(LogTest, IndexLeadsToTheSameRecords) {
  auto log = open();
  fill(log, 3000);
  for (const std::uint64_t after : {0, 1022, 1023, 1024, 1025, 2047, 2048, 2998}) {
    EXPECT_EQ(log.read(after, 1)->at(0).sequence(), after + 1U);
  }
  auto again = std::move(log);
  EXPECT_EQ(again.read(2999, 9)->size(), 1U);
}

TEST_F(LogTest, ReaderFollowsAWriterOverRotation) {
  auto log = open({.segment_bytes = 1000});
  auto reader = Reader::open(records(), 0);
  ASSERT_TRUE(reader);
  EXPECT_FALSE(reader->next()->has_value());
  for (std::uint64_t i = 1; i <= 20; ++i) {
    fill(log, 1);
    const auto record = reader->next();
    ASSERT_TRUE(record && *record);
    EXPECT_EQ((*record)->sequence(), i);
    EXPECT_FALSE(reader->next()->has_value());
  }
}

TEST_F(LogTest, MissingSegmentIsAnErrorAndNotAGap) {
  auto log = open({.segment_bytes = 1000});
  fill(log, 40);
  fs::remove(segment((*list_segments(records()))[1]));
  auto reader = Reader::open(records(), 0);
  auto record = reader->next();
  while (record && *record) record = reader->next();
  ASSERT_FALSE(record);
  EXPECT_THAT(record.error().text(), ::testing::HasSubstr("should follow"));
}

// A limit on the file's size stands for a full disk: write(2) stores a part and then fails, as there.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = SIG_DFL;
};

TEST_F(LogTest, FullDiskIsAnErrorAndTheGapIsRecordedAfterwards) {
  auto log = open();
  fill(log, 2);
  const auto good = fs::file_size(segment(1));
  {
    const FullDisk disk(good + 20);
    for (int i = 0; i < 3; ++i) {
      const auto record = log.append(expired(request()), at(9), Durability::now);
      ASSERT_FALSE(record);
      EXPECT_EQ(record.error().code, EFBIG);
      EXPECT_EQ(fs::file_size(segment(1)), good) << "half a record was left";
    }
    EXPECT_EQ(log.losing(), 3U);
  }
  const auto record = log.append(daemon_stopped(event::mask("x")), at(10), Durability::now);
  ASSERT_TRUE(record) << record.error().text();
  const auto found = all();
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[2].lost().reason(), "disk-full");
  EXPECT_EQ(found[2].lost().count(), 3U);
  EXPECT_TRUE(found[3].has_daemon_stopped());
  EXPECT_EQ(log.losing(), 0U);
}

TEST_F(LogTest, FullDiskWhileRotatingLosesNothingThatWasWritten) {
  auto log = open({.segment_bytes = 600});
  fill(log, 1);
  {
    const FullDisk disk(8);  // not even a head fits
    for (int i = 0; i < 5; ++i) (void)log.append(expired(request()), at(9), Durability::soon);
    EXPECT_GT(log.losing(), 0U);
  }
  fill(log, 1);
  const auto found = all();
  ASSERT_GE(found.size(), 3U);
  EXPECT_TRUE(found[found.size() - 2].has_lost());
}

TEST_F(LogTest, RecordsAreDirtyUntilSynced) {
  auto log = open();
  EXPECT_FALSE(log.dirty());
  fill(log, 1);
  EXPECT_TRUE(log.dirty());
  EXPECT_TRUE(log.sync());
  EXPECT_FALSE(log.dirty());
  (void)log.append(expired(request()), at(1), Durability::now);
  EXPECT_FALSE(log.dirty());
}

TEST(Frame, KnownBytes) {
  // CRC-32C of "123456789" is e3069283; a frame of "a" is fixed here so that the format cannot drift.
  const auto frame = make_frame("a");
  ASSERT_EQ(frame.size(), 9U);
  EXPECT_EQ(frame.substr(0, 4), std::string("\1\0\0\0", 4));
  EXPECT_EQ(read_frame(frame).state, Frame::State::whole);
  EXPECT_EQ(read_frame(frame).payload, "a");
}

}  // namespace
}  // namespace holdpoint::audit
