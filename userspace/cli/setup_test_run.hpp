// SPDX-License-Identifier: Apache-2.0
// The test of `holdpoint setup`: a short-lived process of the agent that reads one harmless file, and is held at it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "cli/command.hpp"

namespace holdpoint::cli {

class SetupTest {
 public:
  // Starts it by `holdpoint run`. Error: fork failed.
  [[nodiscard]] static Answer<SetupTest> start(const Context& context, const std::string& agent,
                                               const std::string& file);
  SetupTest(SetupTest&& other) noexcept;
  SetupTest& operator=(SetupTest&&) = delete;
  ~SetupTest();  // one that still runs is killed

  // Waits until its request is there. Error: it ended before, or nobody was asked within a minute.
  [[nodiscard]] Answer<nlohmann::json> wait_for_request(const Client& client, const std::string& agent);
  // Waits for its end: whether it could read the file. Nothing: it does not end.
  [[nodiscard]] std::optional<bool> wait();

 private:
  explicit SetupTest(pid_t child) : child_(child) {}
  [[nodiscard]] bool ended();
  pid_t child_ = -1;
  int status_ = 0;
};

}  // namespace holdpoint::cli
