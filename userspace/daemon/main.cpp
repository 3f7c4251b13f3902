// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>

#include "base/log.hpp"
#include "daemon/app.hpp"
#include "daemon/start.hpp"
#include "daemon/unload.hpp"
#include "daemon/version.hpp"

using namespace holdpoint;

namespace {

int told(const Error& error, int exit) {
  std::fprintf(stderr, "holdpointd: %s\n", error.text().c_str());
  return exit;
}

int check(const config::Config& config) {
  const auto policies = daemon::load_policies(config, 1);
  if (!policies) return told(policies.error(), config::kExitPolicy);
  std::fputs(policies->warnings.c_str(), stderr);
  std::printf("ok: %zu agents, %zu rules\n", policies->agents.size(), policies->checked.rules.size());
  return config::kExitOk;
}

int run(const config::Config& config, const Clock& clock) {
  auto core = daemon::start_core(config, clock);
  if (!core) return told(core.error().error, core.error().exit);
  daemon::App app(std::move(*core), clock);
  if (auto opened = app.open_api(); !opened) return told(opened.error(), config::kExitFailed);
  log_info("enforcing");
  app.run();
  return config::kExitOk;
}

}  // namespace

// What is thrown here (no memory, above all) ends the program; the kernel's side goes on holding and denying.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int count, char** arguments) {
  const auto line = config::parse_command_line(count, arguments);
  if (!line) return told(line.error(), config::kExitUsage);
  // Errors of a write, not the end of the guard: a client that left, a file-size limit that acts like a full disk.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const SystemClock clock;
  switch (line->action) {
    case config::Action::help: std::fputs(config::usage().c_str(), stdout); return config::kExitOk;
    case config::Action::version: std::printf("holdpointd %s\n", daemon::kVersion); return config::kExitOk;
    case config::Action::check: return check(line->config);
    case config::Action::unload:
      if (auto done = daemon::unload(line->config, clock); !done)
        return told(done.error().error, done.error().exit);
      return config::kExitOk;
    case config::Action::run: return run(line->config, clock);
  }
  return config::kExitUsage;
}
