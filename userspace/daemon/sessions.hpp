// SPDX-License-Identifier: Apache-2.0
// Sessions: found by cgroup, started by `holdpoint run`, tagged and untagged by an operator. Thread: the daemon's loop.
#pragma once

#include "api/service.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {

// Takes a session that the kernel opened into the ledger, once.
void know_session(Core& core, std::uint64_t id);
// The bell of a new one: it rings within mkdir, a moment before the cgroup can be found by its id. Then it is taken in at the
// look that finds it.
void hear_of_session(Core& core, std::uint64_t id);
void look_at_fresh_sessions(Core& core);
// A cgroup was removed; `top`: it was a session's, which ends with it.
void cgroup_gone(Core& core, std::uint64_t cgroup, bool top);
// Removes the cgroups of `run` that nobody is in any more, which ends their sessions. systemd does that for its own scopes.
void remove_empty_scopes(Core& core);
// At start and after a policy change: cgroups that exist already and that a pattern or a mark names.
[[nodiscard]] Result<> recognise_cgroups(Core& core);

[[nodiscard]] Result<approval::Session> start_session(Core& core, const api::Caller& caller,
                                                      const api::NewSession& wanted);
[[nodiscard]] Result<approval::Session> tag(Core& core, const api::Caller& caller,
                                            const api::TagTarget& target);
[[nodiscard]] Result<> untag(Core& core, const api::Caller& caller, std::uint64_t session);

}  // namespace holdpoint::daemon
