// SPDX-License-Identifier: Apache-2.0
// Words for the numbers of an access. They are part of the record format: never change one, only add.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "event/access.hpp"

namespace holdpoint::event {
namespace {

constexpr std::array<std::string_view, HP_OP_COUNT> operation_words = {
    "exec", "read", "write", "create", "delete", "link", "attributes", "connect", "send"};

constexpr std::array<std::string_view, HP_CALL_COUNT> call_words = {
    "",     "mkdir",    "mknod", "symlink", "delete", "rmdir", "rename", "exchange",
    "link", "truncate", "chmod", "chown",   "xattr",  "times", "flags"};

std::string id_text(std::uint64_t id) { return id == 0xffffffffU ? "-" : fmt::format("{}", id); }

constexpr std::array<std::string_view, HP_CAUSE_END> cause_words = {
    "rule",        "decision",      "echo",        "unresolved", "no-policy", "no-storage",
    "holds-full",  "session-holds", "cannot-hold", "refused",    "guard",     "argv",
    "socket-path", "tampered",      "reholds",     "closing",    "lockdown",  "disarmed"};

std::string protocol_text(std::uint16_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP: return "tcp";
    case IPPROTO_UDP: return "udp";
    case IPPROTO_SCTP: return "sctp";
    case IPPROTO_ICMP: return "icmp";
    case IPPROTO_ICMPV6: return "icmp6";
    case IPPROTO_UDPLITE: return "udplite";
    case 262: return "mptcp";  // IPPROTO_MPTCP, not in every libc
    default: return fmt::format("{}", protocol);
  }
}

std::string inet_text(const hp_identity& identity) {
  const auto* bytes = identity.address;
  in6_addr six{};
  std::copy_n(bytes, sizeof(six), six.s6_addr);
  char text[INET6_ADDRSTRLEN] = {};
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    ::inet_ntop(AF_INET, bytes + 12, text, sizeof(text));
    return fmt::format("{}:{}/{}", text, identity.port, protocol_text(identity.protocol));
  }
  ::inet_ntop(AF_INET6, bytes, text, sizeof(text));
  return fmt::format("[{}]:{}/{}", text, identity.port, protocol_text(identity.protocol));
}

std::string_view between(const Access& access) {
  if (access.fixed.flags & HP_ACCESS_SCRIPT_STAGE) return " running ";
  return access.fixed.identity.call == HP_CALL_XATTR ? " " : " -> ";
}

}  // namespace

std::string operation_text(std::uint32_t operations) {
  std::string text;
  for (std::size_t i = 0; i < operation_words.size(); ++i) {
    if ((operations >> i & 1) == 0) continue;
    if (!text.empty()) text += '+';
    text += operation_words[i];
  }
  return text.empty() ? "none" : text;
}

std::string operation_text(const hp_identity& identity) {
  if (identity.call == HP_CALL_NONE || identity.call >= HP_CALL_COUNT)
    return operation_text(identity.operations);
  std::string word(call_words[identity.call]);
  const std::uint64_t detail = identity.detail;
  if (identity.call == HP_CALL_CHMOD) return fmt::format("{} {:04o}", word, detail);
  if (identity.call == HP_CALL_CHOWN)
    return fmt::format("{} {}:{}", word, id_text(detail >> 32), id_text(detail & 0xffffffffU));
  return word;
}

std::string object_text(const Access& access) {
  if (!access.second.empty()) return access.path + std::string(between(access)) + access.second;
  if (access.fixed.identity.kind == HP_OBJECT_INET) return inet_text(access.fixed.identity);
  return access.path;
}

std::string cause_text(std::uint8_t cause) {
  return cause < cause_words.size() ? std::string(cause_words[cause]) : fmt::format("cause-{}", cause);
}

}  // namespace holdpoint::event
