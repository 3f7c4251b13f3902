// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "cli/command.hpp"
#include "cli/record_line.hpp"

namespace holdpoint::cli {

// One record, for people or as JSON.
void print_record(const Context& context, const nlohmann::json& record);
// Prints what comes after `after` (without it: from now on), until interrupted. `begin` is called once, when the stream is
// there. When the daemon goes away it says so, and goes on where it was once
// the daemon is back. Returns only if the daemon refuses.
Exit follow(const Context& context, const RecordFilter& filter, std::optional<std::uint64_t> after,
            const std::function<void()>& begin = {});

}  // namespace holdpoint::cli
