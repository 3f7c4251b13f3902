// SPDX-License-Identifier: Apache-2.0
// A policy as plain values: what the files say (Policy), what holds after all checks (Checked), and what one
// agent obeys (AgentPolicy). Nothing here owns resources or changes after it was made.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdpoint/abi.h"
#include "policy/diagnostic.hpp"
#include "policy/glob.hpp"

namespace holdpoint::policy {

constexpr std::uint32_t operation_bit(hp_operation operation) { return 1U << operation; }
inline constexpr std::uint32_t kFileOperations = operation_bit(HP_OP_EXEC) | operation_bit(HP_OP_READ) |
                                                 operation_bit(HP_OP_WRITE) | operation_bit(HP_OP_CREATE) |
                                                 operation_bit(HP_OP_DELETE) | operation_bit(HP_OP_LINK) |
                                                 operation_bit(HP_OP_ATTRIBUTES);
inline constexpr std::uint32_t kNetworkOperations = operation_bit(HP_OP_CONNECT) | operation_bit(HP_OP_SEND);

inline constexpr std::chrono::seconds kDefaultTimeout = std::chrono::minutes(15);
// An ask shorter than a second is a deny; a held program that nobody looked at for a week is a mistake.
inline constexpr std::chrono::seconds kMinTimeout = std::chrono::seconds(1);
inline constexpr std::chrono::seconds kMaxTimeout = std::chrono::days(7);

struct Pattern {
  std::string text;
  Place place;
  Glob glob;
};

// Addresses of the prefix, IPv6 or IPv4 as ::ffff:a.b.c.d (then prefix is 96 + n). Bits after the prefix are
// zero.
struct Cidr {
  std::array<std::uint8_t, 16> address{};
  unsigned prefix = 0;
};

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // included
};

enum class Protocol : std::uint8_t { any = 0, tcp = 6, udp = 17 };

struct Destination {
  Place place;
  std::string text;  // the address as written; empty = every address
  Cidr cidr;
  std::vector<PortRange> ports;  // empty = every port
  Protocol protocol = Protocol::any;
};

struct Name {
  std::string text;
  Place place;
};

// Observe: what the rule says is told, and the access goes on.
enum class Mode : std::uint8_t { enforce, observe };

struct Rule {
  std::string id;
  Place place;
  std::vector<Name> agents;      // empty = every agent
  std::uint32_t operations = 0;  // mask of operation_bit
  // Objects: a file access is compared with paths, a unix socket with sockets, an address with destinations.
  // If all three are empty the rule is about every object; else a kind without an entry is never matched.
  std::vector<Pattern> paths;
  std::vector<Pattern> sockets;
  std::vector<Destination> destinations;
  std::vector<Pattern> executables;  // empty = every executable
  hp_verdict verdict = HP_DENY;
  std::string reason;
  std::chrono::seconds timeout = kDefaultTimeout;  // ask: then denied
  hp_hold_mode hold = HP_HOLD_AUTO;
  bool log = false;
  std::optional<Mode> mode;  // as written; in an AgentPolicy the mode in force

  [[nodiscard]] bool any_object() const { return paths.empty() && sockets.empty() && destinations.empty(); }
};

struct Agent {
  std::string name;
  Place place;
  std::string description;
  std::string operated_by;  // who answers for its sessions that nobody logged in for
  std::vector<Pattern> cgroups;
  hp_verdict default_verdict = HP_DENY;
  std::string default_reason;
  Mode mode = Mode::enforce;     // of the rules that have none of their own
  bool user_namespaces = false;  // may make them; in one it may mount, and a mount leads round rules by path
};

// Variables that change what a program does. What they hold is part of what is approved, when a policy lists no others.
// BASH_FUNC_ (functions that bash imports) and GIT_CONFIG_ also stand for every name that begins so.
inline constexpr std::array<std::string_view, 33> kDefaultVariables = {"PATH",
                                                                       "LD_PRELOAD",
                                                                       "LD_AUDIT",
                                                                       "LD_LIBRARY_PATH",
                                                                       "BASH_ENV",
                                                                       "ENV",
                                                                       "PYTHONPATH",
                                                                       "PYTHONSTARTUP",
                                                                       "PYTHONHOME",
                                                                       "PERL5OPT",
                                                                       "PERL5LIB",
                                                                       "RUBYOPT",
                                                                       "RUBYLIB",
                                                                       "NODE_OPTIONS",
                                                                       "NODE_PATH",
                                                                       "JAVA_TOOL_OPTIONS",
                                                                       "GIT_SSH",
                                                                       "GIT_SSH_COMMAND",
                                                                       "GIT_ASKPASS",
                                                                       "GIT_EXEC_PATH",
                                                                       "GIT_CONFIG_GLOBAL",
                                                                       "GCONV_PATH",
                                                                       "PROMPT_COMMAND",
                                                                       "SHELLOPTS",
                                                                       "GIT_CONFIG_",
                                                                       "GIT_CONFIG_PARAMETERS",
                                                                       "GIT_PROXY_COMMAND",
                                                                       "GIT_EXTERNAL_DIFF",
                                                                       "BASH_FUNC_",
                                                                       "PS4",
                                                                       "_JAVA_OPTIONS",
                                                                       "JDK_JAVA_OPTIONS",
                                                                       "KUBECONFIG"};

struct Policy {
  std::vector<std::string> files;  // in the order of their rules
  std::vector<Agent> agents;       // in order of declaration; the index is the agent's id
  std::vector<Rule> rules;
  std::vector<Name> variables;  // names of the environment; empty = kDefaultVariables
};

// Made by check() only: everything in it is consistent.
struct Checked {
  std::vector<std::string> files;
  std::vector<Agent> agents;  // at most HP_MAX_AGENTS
  std::vector<Rule> guards;   // before the rules of every agent
  std::vector<Rule> rules;
  std::vector<std::string> variables;  // at most HP_MAX_VARIABLES, in order, each once
  std::string digest;  // SHA-256 of the canonical text, lower-case hex: equal for files that say the same
};

// What one agent obeys, in order: guards, its rules, the default last. `rules[i]` is rule i of the compiled
// image, of evaluate() and of hp_access.rule. A rule with several of path, socket and to is there once for
// each.
struct AgentPolicy {
  std::uint32_t id = 0;
  std::string name;
  std::vector<Rule> rules;
  std::uint32_t guards = 0;  // how many of them, from the first, are built in
  bool user_namespaces = false;
};

}  // namespace holdpoint::policy
