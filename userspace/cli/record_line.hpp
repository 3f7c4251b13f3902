// SPDX-License-Identifier: Apache-2.0
// One record of the log as one line for people. Pure; every key may be missing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.hpp"
#include "cli/arguments.hpp"
#include "cli/terminal.hpp"

namespace holdpoint::cli {

[[nodiscard]] std::string draw_record(const nlohmann::json& record, WallTime now, const Terminal& terminal);

// What --agent, --session, --request and --since let through.
struct RecordFilter {
  std::optional<std::string> agent;
  std::optional<std::string> session;
  std::optional<std::string> request;
  std::optional<WallTime> since;

  // Error: --since is neither a duration nor a time.
  [[nodiscard]] static std::expected<RecordFilter, std::string> from(const Arguments& arguments,
                                                                     WallTime now);
  [[nodiscard]] bool takes(const nlohmann::json& record) const;
};

}  // namespace holdpoint::cli
