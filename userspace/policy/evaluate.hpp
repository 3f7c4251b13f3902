// SPDX-License-Identifier: Apache-2.0
// What a policy says to one access: straight from the values (the reference), and by walking the compiled
// tables just as the kernel does. The two are tested against each other.
#pragma once

#include <array>
#include <string>

#include "policy/policy.hpp"

namespace holdpoint::policy {

struct Query {
  // Mask of operation_bit, at least one, and only those that fit the kind: file operations for
  // HP_OBJECT_FILE, network operations for the others.
  std::uint32_t operations = 0;
  hp_object_kind kind = HP_OBJECT_FILE;
  std::string path;                        // file, or name of a unix socket ('@' first if abstract)
  std::array<std::uint8_t, 16> address{};  // inet: IPv6, or IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  std::string executable;
};

struct Outcome {
  hp_verdict verdict = HP_DENY;  // what the rule says; what happens is effective()
  std::uint32_t rule = 0;        // index of AgentPolicy::rules
  std::string id;
  std::string reason;
  std::chrono::seconds timeout = kDefaultTimeout;
  hp_hold_mode hold = HP_HOLD_AUTO;
  bool log = false;
  bool observed = false;  // the rule is only observed: the access goes on

  [[nodiscard]] hp_verdict effective() const { return observed ? HP_ALLOW : verdict; }
};

// Each operation takes the first rule that matches; of several operations the strictest verdict counts, and
// of equally strict ones the rule that comes first. What is only observed is less strict than what is enforced. An empty mask is denied under the default's name.
[[nodiscard]] Outcome evaluate(const AgentPolicy& policy, const Query& query);
[[nodiscard]] Outcome evaluate(const Checked& policy, std::uint32_t agent, const Query& query);
// The outcome that rule `rule` gives; for a number that the kernel reported. Out of range: deny.
[[nodiscard]] Outcome outcome_of(const AgentPolicy& policy, std::uint32_t rule);

struct ImageOutcome {
  hp_verdict verdict = HP_DENY;  // what happens
  std::uint32_t rule = 0;
};
// The same by the tables. An empty intersection (an image without a default) is denied as rule HP_MAX_RULES.
[[nodiscard]] ImageOutcome evaluate_image(const hp_policy& image, const Query& query);
// Lowest agent whose cgroup patterns match, or HP_MAX_AGENTS; for the image of compile_cgroups.
[[nodiscard]] std::uint32_t match_cgroup(const hp_policy& image, std::string_view cgroup);

}  // namespace holdpoint::policy
