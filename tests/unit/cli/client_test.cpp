// SPDX-License-Identifier: Apache-2.0
// What somebody hears who may not use the socket.
#include "cli/client.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "unit/api/running_server.hpp"

namespace holdpoint::cli {
namespace {

TEST(Client, WhoIsNotInTheGroupIsToldWhoMayAndHowToGetThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
  const api::test::RunningServer server;
  ASSERT_EQ(::seteuid(65534), 0);
  const auto answer = Client(server.socket()).get("/v1/health");
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().exit, Exit::not_allowed);
  EXPECT_EQ(answer.error().message,
            "you may not use " + server.socket() + ": only root and the group holdpoint may");
  EXPECT_NE(answer.error().hint.find("usermod -aG holdpoint"), std::string::npos);
}

}  // namespace
}  // namespace holdpoint::cli
