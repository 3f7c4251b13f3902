// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.hpp"

#include <fmt/format.h>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

TEST(Compile, ImageCarriesVersionGenerationAndTheDefaultLastInEverySet) {
  const Checked checked =
      must_check(with_rules("  - {id: r, on: read, path: /x, verdict: ask, reason: R}\n"));
  const auto image = compile(checked, 0, 42);
  ASSERT_TRUE(image.has_value());
  const hp_policy& policy = **image;
  EXPECT_EQ(policy.abi_version, static_cast<unsigned>(HP_ABI_VERSION));
  EXPECT_EQ(policy.generation, 42U);
  const std::uint32_t last = policy.rule_count - 1;
  EXPECT_EQ(policy.rules[last].verdict, HP_ALLOW);
  const auto has = [&](const hp_set& set) { return (set.words[last / 64] >> (last % 64) & 1) != 0; };
  for (const hp_set& set : policy.operations) EXPECT_TRUE(has(set));
  for (std::uint32_t i = 0; i < policy.set_count; ++i) EXPECT_TRUE(has(policy.sets[i])) << i;
}

TEST(Compile, EveryIndexOfTheTablesStaysInsideIts) {
  const Checked checked = must_check(with_rules(R"(
  - {id: a, on: any, path: ["/a/**/b", "/c/[x-z]*"], socket: "@*", verdict: deny, reason: R}
  - {id: b, on: network, to: [{cidr: 10.0.0.0/9, port: 1-1000}], executable: /bin/*, verdict: deny, reason: R}
)"));
  const auto image = compile(checked, 0, 1);
  ASSERT_TRUE(image.has_value());
  for (const hp_automaton& automaton : (*image)->automata) {
    ASSERT_GE(automaton.states, 1U);
    EXPECT_LT(automaton.start, automaton.states);
    for (const auto byte_class : automaton.class_of) EXPECT_LT(byte_class, automaton.classes);
    for (std::uint32_t i = 0; i < automaton.states * automaton.classes; ++i) {
      EXPECT_LT((*image)->next[automaton.next_base + i], automaton.states);
    }
    for (std::uint32_t i = 0; i < automaton.classes; ++i)
      EXPECT_EQ((*image)->next[automaton.next_base + i], 0);
    for (std::uint32_t i = 0; i < automaton.states; ++i) {
      EXPECT_LT((*image)->accept[automaton.accept_base + i], (*image)->set_count);
    }
  }
}

TEST(Compile, SamePolicyGivesTheSameImage) {
  const Checked checked =
      must_check(with_rules("  - {id: r, on: read, path: ['/a/**/b', '/c*'], verdict: allow}\n"));
  const auto one = compile(checked, 0, 1);
  const auto two = compile(checked, 0, 1);
  ASSERT_TRUE(one.has_value() && two.has_value());
  EXPECT_EQ(std::memcmp(one->get(), two->get(), sizeof(hp_policy)), 0);
}

TEST(Compile, AutomatonIsMinimal) {
  // "/" then any bytes but '/', at least one: dead, start, after '/', inside. Braces that say the same add
  // nothing.
  AgentPolicy policy{0, "a", std::vector<Rule>(2)};
  policy.rules[0].operations = policy.rules[1].operations = operation_bit(HP_OP_READ);
  policy.rules[0].paths = {{"", {}, *parse_glob("/?*", GlobUse::path)},
                           {"", {}, *parse_glob("/{?,??}*", GlobUse::path)}};
  const auto image = compile(policy, {}, 1);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ((*image)->automata[HP_AUTOMATON_OBJECT].states, 4U);
  EXPECT_EQ((*image)->automata[HP_AUTOMATON_OBJECT].classes, 2U);
}

TEST(Compile, PortRangeAcrossByteBoundary) {
  const Evaluator evaluator(
      with_rules("  - {id: p, on: connect, to: [{port: 250-1030}], verdict: deny, reason: R}\n"));
  for (unsigned port = 0; port < 2000; ++port) {
    const bool inside = port >= 250 && port <= 1030;
    ASSERT_EQ(evaluator(connect_to("192.0.2.1", static_cast<std::uint16_t>(port))).id == "p", inside) << port;
  }
}

TEST(Compile, CidrCutsInsideAByte) {
  const Evaluator evaluator(with_rules(R"(
  - {id: p, on: connect, to: [{cidr: 10.64.0.0/10}, {cidr: "fd00:8000::/17"}], verdict: deny, reason: R}
)"));
  EXPECT_EQ(evaluator(connect_to("10.64.0.0", 1)).id, "p");
  EXPECT_EQ(evaluator(connect_to("10.127.255.255", 1)).id, "p");
  EXPECT_EQ(evaluator(connect_to("10.128.0.0", 1)).id, "default:a");
  EXPECT_EQ(evaluator(connect_to("10.63.255.255", 1)).id, "default:a");
  EXPECT_EQ(evaluator(connect_to("fd00:ffff::1", 1)).id, "p");
  EXPECT_EQ(evaluator(connect_to("fd00:7fff::1", 1)).id, "default:a");
}

TEST(Compile, ProtocolIsPartOfTheDestination) {
  const Evaluator evaluator(
      with_rules("  - {id: p, on: network, to: [{protocol: udp}], verdict: deny, reason: R}\n"));
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 53, 17)).id, "p");
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 53, 6)).id, "default:a");
  EXPECT_EQ(evaluator(connect_to("192.0.2.1", 53, 132)).id, "default:a");
}

TEST(Compile, MoreRulesThanBitsAreRefusedByName) {
  std::string rules;
  for (int i = 0; i < HP_MAX_RULES; ++i)
    rules += fmt::format("  - {{id: r{0}, on: read, path: /{0}, verdict: allow}}\n", i);
  const auto image = compile(must_check(with_rules(rules)), 0, 1);
  ASSERT_FALSE(image.has_value());
  // 5 guards + 256 + the default = 262, six too many.
  EXPECT_EQ(image.error().message,
            "agent 'a' has 262 rules with the built-in ones and its default, at most 256 are possible. "
            "Beyond the limit: 'r250' (p.yaml:255) 'r251' (p.yaml:256) 'r252' (p.yaml:257) "
            "'r253' (p.yaml:258) 'r254' (p.yaml:259)");
}

TEST(Compile, PatternsThatMultiplyAreRefusedByNameAndPlace) {
  std::string rules = "  - {id: plain, on: read, path: /etc/shadow, verdict: allow}\n";
  for (int i = 0; i < 24; ++i) {
    rules += fmt::format(
        "  - {{id: r{0}, on: read, path: /**/a{0}/**/b{0}, executable: /x, verdict: allow}}\n", i);
  }
  const auto image = compile(must_check(with_rules(rules)), 0, 1);
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().message.find("agent 'a': the object patterns need more "), 0U)
      << image.error().message;
  EXPECT_NE(image.error().message.find("/**/a"), std::string::npos) << image.error().message;
  EXPECT_NE(image.error().message.find("(p.yaml:"), std::string::npos);
  EXPECT_EQ(image.error().message.find("shadow"), std::string::npos);
  EXPECT_FALSE(image.error().hint.empty());
}

TEST(Compile, MorePatternBytesThanTheBoundAreRefusedBeforeAnyWork) {
  std::string rules;
  for (int i = 0; i < 26; ++i) {
    rules += fmt::format("  - {{id: r{0}, on: read, path: '/{0}{1}', verdict: allow}}\n", i,
                         std::string(4000, 'x'));
  }
  const auto image = compile(must_check(with_rules(rules)), 0, 1);
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().message.find("agent 'a': the object patterns need more pattern bytes"), 0U);
}

TEST(Compile, CgroupsGiveTheFirstDeclaredAgent) {
  const Checked checked = must_check(R"(version: 1
agents:
  run-only: {default: deny}
  coder: {default: deny, cgroups: ["/agents.slice/coder-*.scope", "/ci.slice/**"]}
  rest: {default: deny, cgroups: ["/agents.slice/*", "/ci.slice"]}
)");
  const auto image = compile_cgroups(checked, 7);
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ((*image)->generation, 7U);
  EXPECT_EQ(match_cgroup(**image, "/agents.slice/coder-1.scope"), 1U);
  EXPECT_EQ(match_cgroup(**image, "/agents.slice/other.scope"), 2U);
  EXPECT_EQ(match_cgroup(**image, "/ci.slice/a/b"), 1U);
  EXPECT_EQ(match_cgroup(**image, "/ci.slice"), 2U);
  EXPECT_EQ(match_cgroup(**image, "/agents.slice/coder-1.scope/leaf"), static_cast<unsigned>(HP_MAX_AGENTS));
  EXPECT_EQ(match_cgroup(**image, "/"), static_cast<unsigned>(HP_MAX_AGENTS));
}

TEST(Compile, TwoHundredRulesWithFortyInteriorDoubleStarsFit) {
  std::string rules;
  for (int i = 0; i < 40; ++i) {
    rules += fmt::format(
        "  - {{id: s{0}, on: [read, write], path: /home/*/**/secret-{0}/*.key, verdict: ask, reason: R}}\n",
        i);
  }
  for (int i = 0; i < 160; ++i) {
    rules += fmt::format(
        "  - {{id: d{0}, on: open, path: [/srv/app-{0}/data/**, /opt/tool-{0}/*.conf], verdict: allow}}\n",
        i);
  }
  const auto image = compile(must_check(with_rules(rules)), 0, 1);
  ASSERT_TRUE(image.has_value()) << image.error().text();
  const ImageSize size = size_of(**image);
  RecordProperty("states", static_cast<int>(size.states));
  RecordProperty("transitions", static_cast<int>(size.transitions));
  EXPECT_LE(size.states, static_cast<unsigned>(HP_MAX_STATES));
}

}  // namespace
}  // namespace holdpoint::policy
