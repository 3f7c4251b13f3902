// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "config/config.hpp"

namespace holdpoint::config {
namespace {

using ::testing::HasSubstr;

Result<CommandLine> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "holdpointd");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

std::string error_of(std::vector<const char*> words) {
  const auto line = parse(std::move(words));
  return line ? "no error" : line.error().text();
}

TEST(CommandLine, WithoutWordsItRunsWithTheDefaults) {
  const auto line = parse({});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->action, Action::run);
  EXPECT_EQ(line->config.policy_directory, "/etc/holdpoint/policies");
  EXPECT_EQ(line->config.state_directory, "/var/lib/holdpoint");
  EXPECT_EQ(line->config.pin_directory, "/sys/fs/bpf/holdpoint");
  EXPECT_EQ(line->config.group, "holdpoint");
}

TEST(CommandLine, EveryOptionReachesItsField) {
  const auto line = parse({"--policies", "/p", "--config", "/c", "--state", "/s", "--runtime", "/r", "--pins",
                           "/b", "--group", "g", "--sessions", "/agents"});
  ASSERT_TRUE(line) << line.error().text();
  EXPECT_EQ(line->config.policy_directory, "/p");
  EXPECT_EQ(line->config.config_directory, "/c");
  EXPECT_EQ(line->config.state_directory, "/s");
  EXPECT_EQ(line->config.runtime_directory, "/r");
  EXPECT_EQ(line->config.pin_directory, "/b");
  EXPECT_EQ(line->config.group, "g");
  EXPECT_EQ(line->config.session_cgroup, "/agents");
}

TEST(CommandLine, EveryActionHasItsWord) {
  EXPECT_EQ(parse({"--check"})->action, Action::check);
  EXPECT_EQ(parse({"--unload"})->action, Action::unload);
  EXPECT_EQ(parse({"--help"})->action, Action::help);
  EXPECT_EQ(parse({"-h"})->action, Action::help);
  EXPECT_EQ(parse({"--version"})->action, Action::version);
  EXPECT_EQ(parse({"--state", "/s", "--check"})->action, Action::check);
}

TEST(CommandLine, SlashesAtTheEndOfAPathAreDropped) {
  EXPECT_EQ(parse({"--state", "/s//"})->config.state_directory, "/s");
  EXPECT_EQ(parse({"--state", "/"})->config.state_directory, "/");
}

TEST(CommandLine, AnUnknownWordIsNamedWithWhatToDo) {
  EXPECT_THAT(error_of({"--stat", "/s"}), HasSubstr("unknown option --stat"));
  EXPECT_THAT(error_of({"--stat", "/s"}), HasSubstr("--help"));
  EXPECT_THAT(error_of({"state"}), HasSubstr("unknown option state"));
  EXPECT_THAT(error_of({"--state=/s"}), HasSubstr("unknown option --state=/s"));
}

TEST(CommandLine, AMissingValueIsNamed) {
  EXPECT_THAT(error_of({"--state"}), HasSubstr("--state needs a value"));
  EXPECT_THAT(error_of({"--check", "--group"}), HasSubstr("--group needs a value"));
}

TEST(CommandLine, APathThatIsNotAbsoluteIsRefused) {
  for (const auto* path : {"relative", "", "./s", "~/s"})
    EXPECT_THAT(error_of({"--state", path}), HasSubstr("needs an absolute path")) << path;
  EXPECT_THAT(error_of({"--group", "relative"}), HasSubstr("no error")) << "a group is no path";
}

TEST(CommandLine, HelpNamesEveryOptionWithItsDefault) {
  const auto text = usage();
  for (const auto* part : {"--policies", "--config", "--state", "--runtime", "--pins", "--group",
                           "--sessions", "--check", "--unload", "/var/lib/holdpoint", "4 another daemon"})
    EXPECT_THAT(text, HasSubstr(part));
}

}  // namespace
}  // namespace holdpoint::config
