// SPDX-License-Identifier: Apache-2.0
// Puts the policy into the kernel: at a start, and when its files changed. Thread: the daemon's loop.
#pragma once

#include "daemon/core.hpp"

namespace holdpoint::daemon {

// Seconds, and never 0.
[[nodiscard]] std::uint32_t generation_at(Now now);
// Of the publication after `last`: larger, however quickly one follows the other and wherever the clock is set.
[[nodiscard]] std::uint32_t next_generation(std::uint32_t last, Now now);

// Agent ids are positions in the policy, and live tags carry them. Error: an agent with live sessions has another one now.
[[nodiscard]] Result<> keep_agent_ids(const kernel::Programs& programs, const Policies& policies);
// A policy is never in force without its record.
void record_policy(Core& core, const Policies& policies, Literal origin, const approval::Principal& by);
[[nodiscard]] Result<> publish(Core& core);
// Modes that operators set for what the policy does not have: told, since they have no effect.
void tell_modes_without_effect(const Core& core);

// Reads the policy directory again. Error: it is recorded, and the policy in force stays, or is in force again.
[[nodiscard]] Result<> reload_policies(Core& core, const approval::Principal& by);

}  // namespace holdpoint::daemon
