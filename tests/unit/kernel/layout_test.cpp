// SPDX-License-Identifier: Apache-2.0
#include "kernel/layout.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "holdpoint/limits.h"

namespace holdpoint::kernel {
namespace {

namespace fs = std::filesystem;

// Ordinary directories in a file system's place: only names count.
class LayoutTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(pins_);
    fs::create_directories(pins_ / "maps");
  }
  void TearDown() override { fs::remove_all(pins_); }
  void pin_configuration() const { std::ofstream(pins_ / "maps/config") << "pinned"; }

  fs::path pins_ = fs::path(testing::TempDir()) / ("layout-test-" + std::to_string(::getpid()));
};

TEST_F(LayoutTest, NothingPinnedIsFine) {
  EXPECT_TRUE(check_layout(pins_));
  EXPECT_TRUE(check_layout(pins_ / "nowhere"));
}

TEST_F(LayoutTest, ItsOwnMarkIsFineAndMayBeSetTwice) {
  ASSERT_TRUE(mark_layout(pins_));
  ASSERT_TRUE(mark_layout(pins_));
  pin_configuration();
  EXPECT_TRUE(check_layout(pins_));
}

TEST_F(LayoutTest, AnotherMarkIsNamedAndRefused) {
  pin_configuration();
  fs::create_directory(pins_ / ("layout-" + std::to_string(HP_ABI_VERSION + 1)));
  const auto checked = check_layout(pins_);
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().message.find("layout-" + std::to_string(HP_ABI_VERSION + 1)), std::string::npos);
  EXPECT_NE(checked.error().hint.find("--unload"), std::string::npos);
}

TEST_F(LayoutTest, PinsWithoutAMarkAreRefused) {
  pin_configuration();
  EXPECT_FALSE(check_layout(pins_));
}

TEST_F(LayoutTest, AStartThatDiedBeforeItsFirstMapMayBeTakenUp) {
  fs::create_directory(pins_ / "layout-1");
  EXPECT_TRUE(check_layout(pins_)) << "nothing is in the kernel";
  ASSERT_TRUE(mark_layout(pins_));
  EXPECT_FALSE(fs::exists(pins_ / "layout-1"))
      << "a program of that layout must not take our maps for its own";
}

TEST_F(LayoutTest, RemovingTakesEverything) {
  ASSERT_TRUE(mark_layout(pins_));
  pin_configuration();
  fs::create_directories(pins_ / "links-1");
  ASSERT_TRUE(remove_pins(pins_));
  EXPECT_FALSE(fs::exists(pins_));
}

}  // namespace
}  // namespace holdpoint::kernel
