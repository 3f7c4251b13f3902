// SPDX-License-Identifier: Apache-2.0
// The program `holdpoint` itself, against a server with a fake daemon behind it.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "unit/api/running_server.hpp"

namespace holdpoint::cli {

using api::test::FakeClock;
using api::test::FakeService;
using api::test::RunningServer;

struct Ended {
  int status = -1;  // exit code
  std::string out;
  std::string err;
};

// A running `holdpoint`; its output goes to pipes.
class Process {
 public:
  explicit Process(const std::string& socket, std::vector<std::string> words) {
    words.insert(words.begin(), HOLDPOINT_PROGRAM);
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe(out.data()) != 0 || ::pipe(err.data()) != 0) std::abort();
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(out[1], 1);
      ::dup2(err[1], 2);
      for (const int end : {out[0], out[1], err[0], err[1]}) ::close(end);
      for (const int number : {SIGINT, SIGHUP, SIGQUIT})
        ::signal(number, SIG_DFL);  // a test run in the background ignores them
      ::setenv("HOLDPOINT_SOCKET", socket.c_str(), 1);
      std::vector<char*> arguments;
      for (auto& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execv(arguments[0], arguments.data());
      ::_exit(99);
    }
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Process() {
    ::close(out_);
    ::close(err_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string read_line() {
    std::string line;
    char c = 0;
    while (::read(out_, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  void signal(int number) const { ::kill(child_, number); }
  Ended end() {
    Ended ended;
    std::thread errors([&] { ended.err = drain(err_); });
    ended.out = drain(out_);
    errors.join();
    int status = 0;
    ::waitpid(child_, &status, 0);
    ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return ended;
  }

 private:
  static std::string drain(int from) {
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t n = ::read(from, piece.data(), piece.size()); n > 0;
         n = ::read(from, piece.data(), piece.size())) {
      all.append(piece.data(), static_cast<std::size_t>(n));
    }
    return all;
  }
  pid_t child_ = -1;
  int out_ = -1;
  int err_ = -1;
};

class Program : public testing::Test {
 protected:
  Ended run(const std::vector<std::string>& words) { return Process(server.socket(), words).end(); }
  std::string add_request(const std::string& object = "/home/ada/.ssh/id_ed25519",
                          std::vector<std::string> argv = {}) {
    std::string id;
    server.on_loop([&](FakeService& service, FakeClock&) {
      id = service.add_request(service.add_session(), object, std::move(argv));
    });
    return id;
  }
  RunningServer server;
};

#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

}  // namespace holdpoint::cli
