// SPDX-License-Identifier: Apache-2.0
#include "kernel/arguments.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace holdpoint::kernel {
namespace {

class OpenNamed : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = (std::filesystem::temp_directory_path() / "named-XXXXXX").string();
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    directory_ = made;
    std::ofstream(directory_ / "file") << "text\n";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  Named what(const std::string& name) const { return of(directory_ / name); }
  static Named of(const std::string& path) { return open_named(::getpid(), path).what; }
  std::filesystem::path directory_;
};

TEST_F(OpenNamed, ARegularFileIsOpenedByLinksToo) {
  std::filesystem::create_symlink("file", directory_ / "relative");
  std::filesystem::create_symlink(directory_ / "file", directory_ / "absolute");
  for (const auto* name : {"file", "relative", "absolute"}) {
    const auto named = open_named(::getpid(), directory_ / name);
    EXPECT_EQ(named.what, Named::regular) << name;
    char byte = 0;
    EXPECT_EQ(::read(named.file.get(), &byte, 1), 1);
    EXPECT_EQ(byte, 't');
  }
}

TEST_F(OpenNamed, WhatIsNotThereYetIsAbsent) {
  std::filesystem::create_symlink("nothing", directory_ / "dangling");
  for (const auto* name : {"nothing", "nothing/below", "file/below", "dangling"})
    EXPECT_EQ(what(name), Named::absent) << name;
  EXPECT_EQ(what(std::string(300, 'x')), Named::impossible);
}

TEST_F(OpenNamed, APipeIsNotOpenedAndADirectoryHasNothingToShow) {
  ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(what("pipe"), Named::other);
  EXPECT_EQ(of(directory_), Named::directory);
  EXPECT_EQ(of("/dev/null"), Named::directory);
  EXPECT_EQ(of("/dev/zero"), Named::other);
}

TEST_F(OpenNamed, NothingOfTheDaemonsOwnIsShown) {
  const Fd file(::open((directory_ / "file").c_str(), O_RDONLY));
  const auto descriptor = "/proc/self/fd/" + std::to_string(file.get());
  std::filesystem::create_symlink(descriptor, directory_ / "link");
  std::filesystem::create_symlink("/proc/self/status", directory_ / "status");
  for (const auto& path :
       {descriptor, "/dev/fd/" + std::to_string(file.get()), std::string("/dev/fd/999"),
        std::string("/proc/self/status"), std::string("/proc//./thread-self/status"),
        std::string("/dev/stdin"), (directory_ / "link").string(), (directory_ / "status").string()})
    EXPECT_EQ(of(path), Named::other) << path;
}

TEST_F(OpenNamed, WhatNoProcessHasIsNotLookedAt) {
  EXPECT_EQ(open_named(0, "/etc/passwd").what, Named::other);
}

Input input(const std::vector<std::string>& argv, std::size_t index, Named now = Named::absent) {
  return may_be_input("/usr/bin/" + argv[0], argv, index, now);
}

TEST(MayBeInput, EveryWordOfAnInterpreter) {
  for (const auto* program : {"bash", "python3.13", "sh", "awk", "node18"})
    EXPECT_EQ(input({program, "script", "more"}, 1), Input::program) << program;
  EXPECT_EQ(input({"bash", "-x", "script"}, 2), Input::program);
  EXPECT_EQ(input({"bash", "--rcfile", "-c", "script"}, 3), Input::program);
  EXPECT_EQ(input({"python3", "-Wc", "script"}, 2), Input::program);
  EXPECT_EQ(input({"perl", "-c", "script"}, 2), Input::program) << "which only perl's own -e is not";
}

TEST(MayBeInput, TextThatIsGivenAsAnArgumentIsNone) {
  EXPECT_EQ(input({"bash", "-c", "make -C ./x"}, 2), Input::no);
  EXPECT_EQ(input({"bash", "-lc", "make", "name"}, 3), Input::no);
  EXPECT_EQ(input({"bash", "-c", ". \"$0\"", "./x"}, 3), Input::perhaps);
  EXPECT_EQ(input({"python3", "-c", "import x.y"}, 2), Input::no);
}

TEST(MayBeInput, OfOtherProgramsWhatLooksLikeAPath) {
  EXPECT_EQ(input({"kubectl", "get", "pods"}, 1), Input::no);
  EXPECT_EQ(input({"git", "commit", "-m", "text"}, 3), Input::no);
  EXPECT_EQ(input({"kubectl", "apply", "-f", "x.yaml"}, 3), Input::perhaps);
  EXPECT_EQ(input({"psql", "-f", "sql/all"}, 2), Input::perhaps);
}

TEST(MayBeInput, ADirectoryOfAnInterpreterOnly) {
  EXPECT_EQ(input({"python3", "module"}, 1, Named::directory), Input::program);
  EXPECT_EQ(input({"find", "."}, 1, Named::directory), Input::no);
  EXPECT_EQ(input({"cat", "./pipe"}, 1, Named::other), Input::perhaps);
  EXPECT_EQ(input({"bash", "x"}, 1, Named::impossible), Input::no);
}

}  // namespace
}  // namespace holdpoint::kernel
