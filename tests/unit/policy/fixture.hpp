// SPDX-License-Identifier: Apache-2.0
// Builders for policy tests: short texts in, values out.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "policy/compile.hpp"
#include "policy/evaluate.hpp"

namespace holdpoint::policy {

inline constexpr std::uint32_t kRead = operation_bit(HP_OP_READ);
inline constexpr std::uint32_t kWrite = operation_bit(HP_OP_WRITE);

inline constexpr std::string_view kAgent = "version: 1\nagents:\n  a: {default: allow}\n";

// A file with agent `a` (default allow) and these rules.
inline std::string with_rules(std::string_view rules) {
  return std::string(kAgent) + "rules:\n" + std::string(rules);
}

inline CheckResult check_text(std::string text) { return check({{"p.yaml", std::move(text)}}, GuardPaths{}); }

inline std::string all_text(const CheckResult& result) {
  std::string out;
  for (const Diagnostic& d : result.diagnostics) {
    out += d.file + ":" + std::to_string(d.line) + ":" + std::to_string(d.column) + ": " +
           (d.severity == Severity::error ? "error: " : "warning: ") + d.message +
           (d.hint.empty() ? "" : " [" + d.hint + "]") + "\n";
  }
  return out;
}

inline Checked must_check(std::string text) {
  CheckResult result = check_text(std::move(text));
  EXPECT_TRUE(result.policy.has_value()) << all_text(result);
  return result.policy ? std::move(*result.policy) : Checked{};
}

inline Query file(std::uint32_t operations, std::string path, std::string executable = "/usr/bin/cat") {
  return {operations, HP_OBJECT_FILE, std::move(path), {}, 0, 0, std::move(executable)};
}
inline Query read_of(std::string path, std::string executable = "/usr/bin/cat") {
  return file(operation_bit(HP_OP_READ), std::move(path), std::move(executable));
}
inline Query socket_of(std::string name) {
  const auto kind = name.starts_with('@') ? HP_OBJECT_UNIX_ABSTRACT : HP_OBJECT_UNIX_PATH;
  return {operation_bit(HP_OP_CONNECT), kind, std::move(name), {}, 0, 0, "/usr/bin/curl"};
}
inline Query connect_to(const std::string& address, std::uint16_t port, std::uint8_t protocol = 6) {
  Query query{operation_bit(HP_OP_CONNECT), HP_OBJECT_INET, {}, {}, port, protocol, "/usr/bin/curl"};
  if (::inet_pton(AF_INET, address.c_str(), query.address.data() + 12) == 1) {
    query.address[10] = query.address[11] = 0xff;
  } else {
    EXPECT_EQ(::inet_pton(AF_INET6, address.c_str(), query.address.data()), 1) << address;
  }
  return query;
}

// The outcome of agent 0, which reference and tables must agree on.
class Evaluator {
 public:
  explicit Evaluator(const Checked& checked) : policy_(agent_policy(checked, 0)) {
    auto compiled = compile(checked, 0, 1);
    EXPECT_TRUE(compiled.has_value()) << (compiled ? "" : compiled.error().text());
    if (compiled) image_ = std::move(*compiled);
  }
  explicit Evaluator(std::string text) : Evaluator(must_check(std::move(text))) {}

  Outcome operator()(const Query& query) const {
    Outcome outcome = evaluate(policy_, query);
    if (image_ == nullptr) return outcome;
    const ImageOutcome image = evaluate_image(*image_, query);
    EXPECT_EQ(image.rule, outcome.rule) << query.path << " as " << query.executable << ": " << outcome.id;
    EXPECT_EQ(image.verdict, outcome.effective());
    return outcome;
  }
  const hp_policy& image() const { return *image_; }
  const AgentPolicy& policy() const { return policy_; }

 private:
  AgentPolicy policy_;
  std::unique_ptr<hp_policy> image_;
};

}  // namespace holdpoint::policy
