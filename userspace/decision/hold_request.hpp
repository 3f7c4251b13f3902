// SPDX-License-Identifier: Apache-2.0
// From an access that the kernel held, and what the policy and /proc say of it, to the question for a person. Pure.
#pragma once

#include <string>
#include <vector>

#include "approval/ledger.hpp"
#include "base/clock.hpp"
#include "event/access.hpp"
#include "policy/evaluate.hpp"

namespace holdpoint::decision {

struct HoldFacts {
  const event::Access& access;
  const event::Process& process;
  const std::vector<event::BoundFile>& bound;
  bool bound_complete = true;  // false: an argument names a file that was not hashed
  bool input_unbound = false;  // its standard input is a regular file
  const policy::Outcome& outcome;
  std::uint32_t generation = 0;
  std::string agent;
};

// The request digest covers everything that the kernel's digest covers, and what the interpreter will read. An argv that was
// cut makes the hold unbindable: it can be denied only.
[[nodiscard]] approval::NewHold make_hold(const HoldFacts& facts, Now now);

// SHA-256, lower-case hex, over identity, path, argv and bound files, and whether these are all. Source of the fields: hp_identity.
[[nodiscard]] std::string request_digest(const event::Access& access,
                                         const std::vector<event::BoundFile>& bound, bool complete = true);

// The access as the policy's evaluator takes it.
[[nodiscard]] policy::Query to_query(const event::Access& access, const std::string& executable);

}  // namespace holdpoint::decision
