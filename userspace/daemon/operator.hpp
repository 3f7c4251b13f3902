// SPDX-License-Identifier: Apache-2.0
// What operators switch: they stop agents and let go of them, disarm the rules for a time and arm them again. Stored and recorded
// first, then told to the kernel. What stops or arms takes effect even when it cannot be stored: the pins keep it over a restart of
// the daemon, and `status` says so. Thread: the daemon's loop.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/service.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {

[[nodiscard]] Result<approval::Lockdown> lock_down(Core& core, const api::Caller& caller,
                                                   const approval::LockScope& scope,
                                                   const event::MaskedText& reason);
[[nodiscard]] Result<> release_lockdown(Core& core, const api::Caller& caller,
                                        const approval::LockScope& scope);
[[nodiscard]] Result<approval::Disarming> disarm(Core& core, const api::Caller& caller, Duration lifetime,
                                                 const event::MaskedText& reason);
[[nodiscard]] Result<> arm(Core& core, const api::Caller& caller);

// At a start, before the agents of this policy are published: the store and the kernel's switches are made to say the same. Who is
// stopped in either is stopped; the rules are disarmed only if both say so. `published`: names of agents as the kernel's numbers
// still mean them.
[[nodiscard]] Result<> take_up_switches(Core& core,
                                        const std::vector<std::pair<std::string, std::uint32_t>>& published);
// After a policy with other numbers for its agents was read. `both`: the kernel still knows the former numbers, too, so that those
// stay stopped until it has the new ones.
[[nodiscard]] Result<> number_lockdowns(Core& core, bool both);
// Freezes whoever is stopped, and denies what waits there for a person.
void stop_locked_down(Core& core);
// The same for one session that is new, or met a new question. Nothing when it is not stopped.
void stop_if_locked_down(Core& core, std::uint64_t session);
[[nodiscard]] bool is_locked_down(const Core& core, std::uint64_t session);
// Records that the rules are armed again, once their time is over. The kernel has seen to it itself.
void look_at_disarming(Core& core);

}  // namespace holdpoint::daemon
