// SPDX-License-Identifier: Apache-2.0
// How a decision that is refused is told.
#include "api/problem.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace holdpoint::api {
namespace {

using Kind = approval::DecideError::Kind;

struct Told {
  Kind kind;
  unsigned status;
  const char* code;
  const char* hint;  // a part of it
};

TEST(Problem, EachRefusalOfADecisionHasItsOwnCodeAndSaysWhatToDo) {
  const Told all[] = {{Kind::not_found, 404, "not-found", "lists what is open"},
                      {Kind::not_open, 409, "not-open", "cannot be decided any more"},
                      {Kind::other_digest, 409, "other-digest", "read it again"},
                      {Kind::only_deniable, 422, "only-deniable", "deny it"},
                      {Kind::too_many_grants, 422, "too-many-grants", "revoke some"},
                      {Kind::not_stored, 503, "not-stored", "make room"},
                      {Kind::not_read, 409, "conflict", "try again"}};
  for (const Told& told : all) {
    const Reply reply = problem(approval::DecideError{told.kind, "why"});
    const auto body = nlohmann::json::parse(reply.body);
    EXPECT_EQ(reply.status, told.status) << told.code;
    EXPECT_EQ(body["status"], told.status);
    EXPECT_EQ(body["code"], told.code);
    EXPECT_EQ(body["detail"], "why");
    EXPECT_NE(body["hint"].get<std::string>().find(told.hint), std::string::npos) << body;
  }
}

TEST(Problem, ADecisionThatMakesNoSenseIsInvalid) {
  const Reply reply = problem(approval::DecideError{Kind::invalid, "why"});
  EXPECT_EQ(reply.status, 422U);
  EXPECT_EQ(nlohmann::json::parse(reply.body)["code"], "invalid");
}

}  // namespace
}  // namespace holdpoint::api
