// SPDX-License-Identifier: Apache-2.0
// One access as a value: what the kernel wrote (include/holdpoint/access.h), decoded and checked.
// These are RAW values: they may hold secrets. Only event::mask (mask.hpp) turns them into something that may be
// stored, shown, logged or sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "holdpoint/abi.h"

namespace holdpoint::event {

struct Access {
  hp_access fixed{};  // as the kernel wrote it; plain numbers, nothing secret
  std::string path;   // object or socket name, bytes as they are; empty for addresses
  std::string
      second;  // where a rename or link leads; the attribute's name of an xattr; the script of an interpreter; else empty
  std::vector<std::string> argv;         // exec only
  std::vector<std::string> environment;  // exec only: "NAME=value" of the variables that the policy names
};

// From the value of map `holds` and, for an exec, of map `arguments`. Errors: lengths that do not fit.
[[nodiscard]] Result<Access> decode_hold(std::span<const std::byte> hold,
                                         std::span<const std::byte> arguments);
// From a record of ring `events`: kind and access. Errors: as above, or an unknown kind.
struct Event {
  hp_event_kind kind;
  Access access;
};
[[nodiscard]] Result<Event> decode_event(std::span<const std::byte> record);

// "exec", "read", "read+write", "create", "connect", "send" for a mask of 1 << hp_operation.
[[nodiscard]] std::string operation_text(std::uint32_t operations);
// The same, or what was called where that says more: "rename", "mkdir", "chmod 0755", "chown 1000:-".
[[nodiscard]] std::string operation_text(const hp_identity& identity);
// "10.0.0.5:5432/tcp", "[fd00::1]:53/udp", the path, "@name", "/from -> /to", or "/interpreter running /script".
[[nodiscard]] std::string object_text(const Access& access);
// One stable lower-case word with dashes for each hp_cause ("rule", "session-holds", …).
[[nodiscard]] std::string cause_text(std::uint8_t cause);

// What /proc says about the process while it is suspended; read by kernel/, never before a machine's verdict.
struct Ancestor {
  int pid = 0;
  std::string command;  // /proc/PID/cmdline, joined by NUL as it is
};
struct Process {
  int pid = 0;
  std::string executable;
  std::string directory;
  std::vector<Ancestor> ancestors;  // parent first, at most 16, up to pid 1
};

// What an interpreter will read: an argument that names a regular file, resolved and hashed when the hold began.
struct BoundFile {
  std::string path;
  std::string sha256;      // lower-case hex
  std::uint64_t size = 0;  // bytes
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string first_lines;  // raw, at most 5 lines and 400 bytes
};

}  // namespace holdpoint::event
