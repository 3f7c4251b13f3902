// SPDX-License-Identifier: Apache-2.0
// What `holdpoint setup` leaves behind when the daemon does not take its file.
#include <cerrno>
#include <filesystem>

#include "unit/cli/program.hpp"

namespace holdpoint::cli {
namespace {

TEST_F(Program, SetupTakesItsFileAwayOnlyWhenTheDaemonRefusedIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root declares an agent";
  const std::string directory = testing::TempDir() + "hp-setup-" + std::to_string(::getpid());
  std::filesystem::create_directory(directory);
  const auto setup = [&](const Error& met) {
    server.on_loop([&](FakeService& service, FakeClock&) {
      service.policy_directory = directory;
      service.reload_error = met;
    });
    return run({"setup", "--yes", "--agent", "new", "--run", "--policy", HOLDPOINT_POLICIES "/coding.yaml"});
  };
  const Ended refused = setup({"60-new.yaml:1:1: error: no", "", EINVAL});
  EXPECT_EQ(refused.status, 1);
  EXPECT_HAS(refused.err, "error: no");
  EXPECT_TRUE(std::filesystem::is_empty(directory));
  // The kernel did not take it, no time to answer: whatever it was, the next start may read the file.
  const Ended unknown = setup({"the kernel did not take the policy", "", ENOTRECOVERABLE});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_HAS(unknown.err, directory + "/60-new.yaml is written");
  EXPECT_HAS(unknown.err, "systemctl reload holdpointd");
  EXPECT_TRUE(std::filesystem::exists(directory + "/60-new.yaml"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace holdpoint::cli
