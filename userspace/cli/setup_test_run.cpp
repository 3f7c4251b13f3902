// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_test_run.hpp"

#include <fcntl.h>
#include <sys/poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "cli/setup_plan.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

constexpr int look_ms = 50;
constexpr int most_looks = 60'000 / look_ms;  // a minute

[[noreturn]] void become(std::vector<std::string> words) {
  const int nowhere = ::open("/dev/null", O_RDWR);
  ::dup2(nowhere, STDIN_FILENO);
  ::dup2(nowhere, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
  ::_exit(static_cast<int>(Exit::run_failed));
}

}  // namespace

Answer<SetupTest> SetupTest::start(const Context& context, const std::string& agent,
                                   const std::string& file) {
  std::vector<std::string> words{"holdpoint", "run", "--socket",  context.client.socket_path(),
                                 "--agent",   agent, "--purpose", "test of holdpoint setup",
                                 "--",        "cat", file};
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(Failure{Exit::refused, "cannot start the test process", ""});
  if (child == 0) become(std::move(words));
  return SetupTest(child);
}

SetupTest::SetupTest(SetupTest&& other) noexcept
    : child_(std::exchange(other.child_, -1)), status_(other.status_) {}

SetupTest::~SetupTest() {
  if (child_ < 0) return;
  ::kill(child_, SIGTERM);
  ::waitpid(child_, nullptr, 0);
}

// Until it ends, but not longer than one look.
bool SetupTest::ended() {
  if (child_ < 0) return true;
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
  pollfd end{process.get(), POLLIN, 0};
  ::poll(&end, 1, look_ms);
  if (::waitpid(child_, &status_, WNOHANG) == child_) child_ = -1;
  return child_ < 0;
}

Answer<nlohmann::json> SetupTest::wait_for_request(const Client& client, const std::string& agent) {
  for (int look = 0; look < most_looks; ++look) {
    const bool over = ended();  // before the question: one that was asked and is over would be there
    const auto open = client.get("/v1/requests?state=open&agent=" + encode(agent));
    if (!open) return std::unexpected(open.error());
    for (const auto& request : open->at("requests"))
      if (field(child(request, "rule"), "id") == test_rule(agent)) return request;
    if (over)
      return std::unexpected(
          Failure{Exit::refused, "the test process ended without a question",
                  "holdpoint log --since 5m says what happened; an earlier rule may decide"});
  }
  return std::unexpected(Failure{Exit::timed_out, "nobody was asked within a minute",
                                 "holdpoint requests lists what waits instead"});
}

std::optional<bool> SetupTest::wait() {
  for (int look = 0; look < most_looks; ++look)
    if (ended()) return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
  return std::nullopt;
}

}  // namespace holdpoint::cli
