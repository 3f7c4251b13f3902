// SPDX-License-Identifier: Apache-2.0
#include "cli/relay.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

namespace holdpoint::cli {
namespace {

// Passed on to the child when somebody sent them to us. SIGWINCH and what a terminal sends reach the child by itself.
constexpr std::array forwarded{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

sigset_t relayed_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : forwarded) sigaddset(&set, number);
  for (const int number : {SIGCHLD, SIGTSTP, SIGCONT}) sigaddset(&set, number);
  return set;
}

[[noreturn]] void become(std::vector<std::string>& command, int go, const sigset_t& mask) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(go, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) ::_exit(static_cast<int>(Exit::run_failed));  // the parent gave up, and has said why
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (auto& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  const int error = errno;
  const char* why = error == EPERM ? "denied (EPERM)" : ::strerror(error);
  ::dprintf(STDERR_FILENO, "holdpoint: %s: %s\n", words.front(), why);
  ::_exit(static_cast<int>(error == ENOENT ? Exit::no_command : Exit::cannot_execute));
}

// Stops this process as the child did, so that the shell takes its terminal back. Comes back when it is continued; at once
// when nobody could continue it (an orphaned process group, which the kernel does not stop).
void stop_too() {
  sigset_t only;
  sigset_t before;
  sigemptyset(&only);
  sigaddset(&only, SIGTSTP);
  ::raise(SIGTSTP);
  ::sigprocmask(SIG_UNBLOCK, &only, &before);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

// Held children are stopped by SIGSTOP for a moment; that is not a person's Ctrl-Z.
bool stopped_by_job_control(int status) {
  const int number = WSTOPSIG(status);
  return number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

// The shell's exit code once the child is over.
std::optional<int> look_at_child(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, WNOHANG | WUNTRACED) == child) {
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    if (WIFSTOPPED(status) && stopped_by_job_control(status)) {
      stop_too();
      ::kill(child, SIGCONT);
    }
  }
  return {};
}

}  // namespace

Relay::Relay(Relay&& other) noexcept
    : child_(std::exchange(other.child_, -1)), go_(std::exchange(other.go_, -1)) {}

Relay::~Relay() {
  if (go_ < 0) return;
  ::close(go_);
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
}

Result<Relay> Relay::start(std::vector<std::string> command) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("pipe", errno);
  const sigset_t relayed = relayed_signals();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &relayed, &before);
  const pid_t child = ::fork();
  if (child < 0) {
    const int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return fail_errno("fork", error);
  }
  if (child == 0) {
    ::close(ends[1]);
    become(command, ends[0], before);
  }
  ::close(ends[0]);
  return Relay(child, ends[1]);
}

int Relay::run() {
  [[maybe_unused]] const auto sent = ::write(go_, "g", 1);
  ::close(std::exchange(go_, -1));
  const sigset_t relayed = relayed_signals();
  for (;;) {
    if (const auto status = look_at_child(child_)) return *status;
    siginfo_t info{};
    const int number = ::sigwaitinfo(&relayed, &info);
    if (number < 0 || number == SIGCHLD || number == SIGTSTP) continue;
    // SI_KERNEL: the terminal sent it to the whole group, the child has it already.
    if (number == SIGCONT || info.si_code != SI_KERNEL) ::kill(child_, number);
  }
}

}  // namespace holdpoint::cli
