// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "event/access.hpp"

namespace holdpoint::event {
namespace {

Access inet(const char* address, std::uint16_t port, std::uint16_t protocol) {
  Access access;
  access.fixed.identity.kind = HP_OBJECT_INET;
  EXPECT_EQ(::inet_pton(AF_INET6, address, access.fixed.identity.address), 1);
  access.fixed.identity.port = port;
  access.fixed.identity.protocol = protocol;
  return access;
}

TEST(OperationText, NamesEveryOperationAndJoinsSeveral) {
  EXPECT_EQ(operation_text(1U << HP_OP_EXEC), "exec");
  EXPECT_EQ(operation_text(1U << HP_OP_READ | 1U << HP_OP_WRITE), "read+write");
  EXPECT_EQ(operation_text(1U << HP_OP_CREATE), "create");
  EXPECT_EQ(operation_text(1U << HP_OP_CONNECT), "connect");
  EXPECT_EQ(operation_text(1U << HP_OP_SEND), "send");
  EXPECT_EQ(operation_text(1U << HP_OP_DELETE), "delete");
  EXPECT_EQ(operation_text(1U << HP_OP_LINK | 1U << HP_OP_ATTRIBUTES), "link+attributes");
  EXPECT_EQ(operation_text(0), "none");
}

hp_identity called(std::uint32_t call, std::uint64_t detail = 0) {
  hp_identity identity{};
  identity.operations = 1U << HP_OP_CREATE;
  identity.call = call;
  identity.detail = detail;
  return identity;
}

TEST(OperationText, EveryCallHasAWordOfItsOwn) {
  std::set<std::string> words;
  for (std::uint32_t call = HP_CALL_NONE; call < HP_CALL_COUNT; ++call)
    words.insert(operation_text(called(call)));
  EXPECT_EQ(words.size(), static_cast<unsigned>(HP_CALL_COUNT));
  EXPECT_FALSE(words.contains(""));
  EXPECT_EQ(operation_text(called(HP_CALL_NONE)), "create");
  EXPECT_EQ(operation_text(called(HP_CALL_UNLINK)), "delete");
  EXPECT_EQ(operation_text(called(HP_CALL_RENAME, 5)), "rename");
  EXPECT_EQ(operation_text(called(HP_CALL_COUNT)), "create") << "a call of a later version";
}

TEST(OperationText, ModeAndOwnersAreShown) {
  EXPECT_EQ(operation_text(called(HP_CALL_CHMOD, 04755)), "chmod 4755");
  EXPECT_EQ(operation_text(called(HP_CALL_CHMOD, 0600)), "chmod 0600");
  EXPECT_EQ(operation_text(called(HP_CALL_CHOWN, 1000ULL << 32 | 0xffffffffU)), "chown 1000:-");
  EXPECT_EQ(operation_text(called(HP_CALL_CHOWN, 0xffffffffULL << 32 | 0)), "chown -:0");
}

TEST(ObjectText, BothNamesOfARename) {
  Access access;
  access.path = "/a";
  access.second = "/b";
  access.fixed.identity.call = HP_CALL_RENAME;
  EXPECT_EQ(object_text(access), "/a -> /b");
  access.second = "user.x";
  access.fixed.identity.call = HP_CALL_XATTR;
  EXPECT_EQ(object_text(access), "/a user.x");
}

TEST(ObjectText, AnInterpreterIsShownWithItsScript) {
  Access access;
  access.path = "/usr/bin/bash";
  access.second = "/srv/x.sh";
  access.fixed.flags = HP_ACCESS_SCRIPT_STAGE;
  EXPECT_EQ(object_text(access), "/usr/bin/bash running /srv/x.sh");
}

TEST(ObjectText, MappedAddressesReadAsIpv4) {
  EXPECT_EQ(object_text(inet("::ffff:10.0.0.5", 5432, IPPROTO_TCP)), "10.0.0.5:5432/tcp");
}

TEST(ObjectText, Ipv6StandsInBrackets) {
  EXPECT_EQ(object_text(inet("fd00::1", 53, IPPROTO_UDP)), "[fd00::1]:53/udp");
  EXPECT_EQ(object_text(inet("::1", 0, 200)), "[::1]:0/200");
}

TEST(ObjectText, FilesAndSocketsAreTheirPath) {
  Access access;
  access.path = "/run/x.sock";
  access.fixed.identity.kind = HP_OBJECT_UNIX_PATH;
  EXPECT_EQ(object_text(access), "/run/x.sock");
}

TEST(CauseText, EveryCauseHasAWordOfItsOwn) {
  std::set<std::string> words;
  for (std::uint8_t cause = HP_CAUSE_RULE; cause < HP_CAUSE_END; ++cause) words.insert(cause_text(cause));
  EXPECT_EQ(words.size(), static_cast<unsigned>(HP_CAUSE_END));
  EXPECT_EQ(cause_text(HP_CAUSE_RULE), "rule");
  EXPECT_EQ(cause_text(HP_CAUSE_SESSION_HOLDS), "session-holds");
  EXPECT_EQ(cause_text(HP_CAUSE_CLOSING), "closing");
  EXPECT_EQ(cause_text(HP_CAUSE_LOCKDOWN), "lockdown");
  EXPECT_EQ(cause_text(HP_CAUSE_DISARMED), "disarmed");
  EXPECT_EQ(cause_text(200), "cause-200");
}

}  // namespace
}  // namespace holdpoint::event
