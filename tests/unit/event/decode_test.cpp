// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string_view>

#include "event/access.hpp"

namespace holdpoint::event {
namespace {

using ::testing::ElementsAre;
using Bytes = std::vector<std::byte>;

template <typename T>
Bytes bytes_of(const T& value, std::size_t size = sizeof(T)) {
  Bytes bytes(size);
  std::memcpy(bytes.data(), &value, size);
  return bytes;
}

struct HoldBytes {
  std::unique_ptr<hp_hold> hold = std::make_unique<hp_hold>();
  std::unique_ptr<hp_argv> argv = std::make_unique<hp_argv>();

  HoldBytes(std::string_view path, std::string_view arguments, std::uint32_t count) {
    hold->access.identity.operations = 1U << HP_OP_EXEC;
    hold->access.verdict = HP_ASK;
    hold->access.path_length = static_cast<std::uint32_t>(path.size());
    hold->access.argv_length = static_cast<std::uint32_t>(arguments.size());
    path.copy(hold->path, path.size());
    argv->length = static_cast<std::uint32_t>(arguments.size());
    argv->count = count;
    arguments.copy(argv->bytes, arguments.size());
  }
  Result<Access> decode() const { return decode_hold(bytes_of(*hold), bytes_of(*argv)); }
};

Bytes event_bytes(std::uint32_t kind, std::string_view path) {
  auto event = std::make_unique<hp_event>();
  event->kind = kind;
  event->length = static_cast<std::uint32_t>(offsetof(hp_event, path) + path.size());
  event->access.identity.operations = 1U << HP_OP_READ;
  event->access.path_length = static_cast<std::uint32_t>(path.size());
  path.copy(event->path, path.size());
  return bytes_of(*event, event->length);
}

TEST(DecodeHold, GivesPathAndArguments) {
  const auto access = HoldBytes("/bin/sh", {"sh\0-c\0\0", 7}, 3).decode();
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->path, "/bin/sh");
  EXPECT_THAT(access->argv, ElementsAre("sh", "-c", ""));
  EXPECT_EQ(access->fixed.verdict, HP_ASK);
}

TEST(DecodeHold, GivesTheVariablesBehindTheArguments) {
  HoldBytes bytes("/bin/sh", {"sh\0PATH=/bin\0LD_PRELOAD=\0", 25}, 1);
  bytes.argv->environment_length = 22;
  bytes.argv->environment_count = 2;
  bytes.hold->access.argv_length = 3;
  bytes.hold->access.environment_length = 22;
  const auto access = bytes.decode();
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_THAT(access->argv, ElementsAre("sh"));
  EXPECT_THAT(access->environment, ElementsAre("PATH=/bin", "LD_PRELOAD="));
  bytes.argv->environment_length = 26;
  EXPECT_FALSE(bytes.decode()) << "longer than both together";
  bytes.argv->environment_length = 22;
  bytes.argv->environment_count = 3;
  EXPECT_FALSE(bytes.decode()) << "fewer than announced";
}

TEST(DecodeHold, GivesBothNamesOfARename) {
  HoldBytes bytes({"/from\0/to", 9}, {}, 0);
  auto& identity = bytes.hold->access.identity;
  identity.operations = 1U << HP_OP_DELETE | 1U << HP_OP_CREATE;
  identity.call = HP_CALL_RENAME;
  identity.second = 6;
  const auto access = decode_hold(bytes_of(*bytes.hold), {});
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_EQ(access->path, "/from");
  EXPECT_EQ(access->second, "/to");
  identity.second = 10;
  EXPECT_FALSE(decode_hold(bytes_of(*bytes.hold), {})) << "behind the end";
  identity.second = 6;
  identity.call = HP_CALL_COUNT;
  EXPECT_FALSE(decode_hold(bytes_of(*bytes.hold), {})) << "no such call";
}

TEST(DecodeHold, WithoutArgumentsIsFineWhenNoneAreAnnounced) {
  HoldBytes bytes("/x", {}, 0);
  bytes.hold->access.identity.operations = 1U << HP_OP_READ;
  EXPECT_TRUE(decode_hold(bytes_of(*bytes.hold), {}));
  bytes.hold->access.argv_length = 3;
  EXPECT_FALSE(decode_hold(bytes_of(*bytes.hold), {}));
}

TEST(DecodeHold, EveryTruncatedLengthIsRefused) {
  const HoldBytes bytes("/bin/sh", {"sh\0", 3}, 1);
  const auto hold = bytes_of(*bytes.hold);
  const auto argv = bytes_of(*bytes.argv);
  for (std::size_t size = 0; size < hold.size(); ++size)
    ASSERT_FALSE(decode_hold(std::span(hold).first(size), argv)) << size;
  for (std::size_t size = 0; size < argv.size(); ++size)
    ASSERT_FALSE(decode_hold(hold, std::span(argv).first(size))) << size;
}

TEST(DecodeHold, LengthsThatDoNotFitAreRefused) {
  const auto refused = [](auto change) {
    HoldBytes bytes("/bin/sh", {"sh\0", 3}, 1);
    change(*bytes.hold, *bytes.argv);
    return !bytes.decode();
  };
  EXPECT_FALSE(refused([](hp_hold&, hp_argv&) {}));
  EXPECT_TRUE(refused([](hp_hold& hold, hp_argv&) { hold.access.path_length = HP_PATH_MAX + 1; }));
  EXPECT_TRUE(refused([](hp_hold& hold, hp_argv&) { hold.access.path_length = 0xffffffff; }));
  EXPECT_TRUE(refused([](hp_hold&, hp_argv& argv) { argv.length = HP_ARGV_MAX + 1; }));
  EXPECT_TRUE(refused([](hp_hold& hold, hp_argv& argv) { hold.access.argv_length = argv.length = 2; }));
  EXPECT_TRUE(refused([](hp_hold&, hp_argv& argv) { argv.count = 2; }));
  EXPECT_TRUE(refused([](hp_hold& hold, hp_argv&) { hold.access.argv_length = 4; }));
}

TEST(DecodeHold, UnknownNumbersAreRefused) {
  const auto refused = [](auto change) {
    HoldBytes bytes("/bin/sh", {"sh\0", 3}, 1);
    change(bytes.hold->access);
    return !bytes.decode();
  };
  EXPECT_TRUE(refused([](hp_access& access) { access.identity.kind = HP_OBJECT_UNIX_ABSTRACT + 1; }));
  EXPECT_TRUE(refused([](hp_access& access) { access.identity.operations = 1U << HP_OP_COUNT; }));
  EXPECT_TRUE(refused([](hp_access& access) { access.identity.operations = 0; }));
  EXPECT_TRUE(refused([](hp_access& access) { access.verdict = HP_DENY + 1; }));
}

TEST(DecodeHold, CutArgumentsAreTakenAsFarAsTheyGo) {
  HoldBytes bytes("/bin/sh", {"sh\0lon", 6}, 9);
  EXPECT_FALSE(bytes.decode());
  bytes.hold->access.flags = HP_ACCESS_ARGV_CUT;
  const auto access = bytes.decode();
  ASSERT_TRUE(access) << access.error().text();
  EXPECT_THAT(access->argv, ElementsAre("sh", "lon"));
}

TEST(DecodeHold, PathMayBringItsNulButNoOther) {
  EXPECT_EQ(HoldBytes({"/x\0", 3}, {}, 0).decode()->path, "/x");
  EXPECT_FALSE(HoldBytes({"/x\0y", 4}, {}, 0).decode());
}

TEST(DecodeHold, AbstractNamesKeepTheirNul) {
  HoldBytes bytes({"@a\0b", 4}, {}, 0);
  bytes.hold->access.identity.kind = HP_OBJECT_UNIX_ABSTRACT;
  EXPECT_EQ(bytes.decode()->path, std::string("@a\0b", 4));
}

TEST(DecodeEvent, EveryKindOfTheContractIsKnown) {
  for (std::uint32_t kind = HP_EVENT_DENIED; kind <= HP_EVENT_OBSERVED; ++kind) {
    const auto event = decode_event(event_bytes(kind, "/etc/shadow"));
    ASSERT_TRUE(event) << event.error().text();
    EXPECT_EQ(event->kind, static_cast<hp_event_kind>(kind));
    EXPECT_EQ(event->access.path, "/etc/shadow");
  }
  EXPECT_FALSE(decode_event(event_bytes(0, "/x")));
  EXPECT_FALSE(decode_event(event_bytes(HP_EVENT_OBSERVED + 1, "/x")));
}

TEST(DecodeEvent, EveryTruncatedLengthIsRefused) {
  const auto bytes = event_bytes(HP_EVENT_DENIED, "/etc/shadow");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(decode_event(std::span(bytes).first(size))) << size;
  EXPECT_TRUE(decode_event(bytes));
}

TEST(DecodeEvent, PathBeyondItsRecordIsRefused) {
  auto bytes = event_bytes(HP_EVENT_DENIED, "/etc/shadow");
  const std::uint32_t longer = 12;
  std::memcpy(bytes.data() + offsetof(hp_event, access) + offsetof(hp_access, path_length), &longer,
              sizeof(longer));
  EXPECT_FALSE(decode_event(bytes));
}

// Valid records with some bytes changed, and plain noise: an error or a value, never anything else.
TEST(Decode, RandomBytesNeverDoHarm) {
  std::mt19937_64 random(7);
  const auto good = event_bytes(HP_EVENT_DENIED, "/some/path");
  const HoldBytes hold("/bin/sh", {"sh\0-c\0", 6}, 2);
  for (int round = 0; round < 3000; ++round) {
    auto event = good;
    auto argv = bytes_of(*hold.argv);
    auto held = bytes_of(*hold.hold);
    for (int change = 0; change < 4; ++change) {
      event[random() % event.size()] = static_cast<std::byte>(random());
      argv[random() % 24] = static_cast<std::byte>(random());
      held[random() % sizeof(hp_access)] = static_cast<std::byte>(random());
    }
    if (const auto decoded = decode_event(event)) (void)object_text(decoded->access);
    if (const auto decoded = decode_hold(held, argv)) {
      EXPECT_LE(decoded->argv.size(), HP_ARGV_MAX);
    }
    Bytes noise(random() % 600);
    for (auto& byte : noise) byte = static_cast<std::byte>(random());
    EXPECT_FALSE(decode_hold(noise, noise));
    (void)decode_event(noise);
  }
}

}  // namespace
}  // namespace holdpoint::event
