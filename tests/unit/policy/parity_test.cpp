// SPDX-License-Identifier: Apache-2.0
// Reference and compiled tables give the same rule for every access: a table of patterns against paths, a
// table of destinations, and random policies against random accesses. Seeds are fixed.
#include <fmt/format.h>

#include <random>
#include <set>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

const char* kPatterns[] = {"/",          "/a",         "/a/b",       "/a/*",       "/a/**",      "/a/**/b",
                           "/**",        "/**/b",      "/*",         "/a?",        "/a?/b",      "/[a-c]",
                           "/[!a]*",     "/{a,ab}/b",  "/a/{b,,*c}", "/a/**/b/**", "/**/a/**/b", "/a/*/b",
                           "/a\\*",      "/a/*b*c",    "/**/*.pem",  "/a/.??*",    "memfd:*",    "/a/**/**/b",
                           "/h*/.s/i_*", "pipe:[\\[]*"};
const char* kPaths[] = {"/",         "/a",        "/a/b",   "/a/b/c",   "/a/c/b",   "/a/c/d/b",
                        "/b",        "/c",        "/ab",    "/ab/b",    "/a/",      "/a/c",
                        "/a/cc",     "/a/bbc",    "/a/b/b", "/x/a/y/b", "/a*",      "/x.pem",
                        "/a/k.pem",  "/a/.ssh",   "/a/.x",  "/h/.s",    "/h/.s/i_", "/hh/.s/i_rsa",
                        "memfd:x/y", "pipe:[12]", "",       "/a//b",    "/\xc3\xa9"};

TEST(Parity, EveryPatternAgainstEveryPath) {
  unsigned cases = 0;
  for (const char* pattern : kPatterns) {
    const Evaluator evaluator(
        with_rules(fmt::format("  - {{id: r, on: read, path: '{}', verdict: deny, reason: R}}\n", pattern)));
    for (const char* path : kPaths) {
      (void)evaluator(read_of(path));
      ++cases;
    }
    if (testing::Test::HasFailure()) FAIL() << pattern;
  }
  EXPECT_GE(cases, 400U);
}

TEST(Parity, AllPatternsInOnePolicy) {
  std::string rules;
  for (std::size_t i = 0; i < std::size(kPatterns); ++i) {
    const char* operations[] = {"read", "write", "[read, write]", "any"};
    rules +=
        fmt::format("  - {{id: r{}, on: {}, path: '{}', verdict: deny, reason: R{}}}\n", i, operations[i % 4],
                    kPatterns[std::size(kPatterns) - 1 - i], i % 3 == 0 ? ", executable: '/bin/*'" : "");
  }
  const Evaluator evaluator(with_rules(rules));
  for (const char* path : kPaths) {
    for (std::uint32_t operations = 1; operations < 16; ++operations) {
      (void)evaluator(file(operations, path, "/bin/x"));
      (void)evaluator(file(operations, path, "/sbin/x"));
    }
  }
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(engine_); }
  bool one_in(unsigned n) { return below(n) == 0; }
  template <typename T, std::size_t N>
  const T& of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  std::mt19937 engine_;
};

std::string random_pattern(Random& random) {
  const char* components[] = {"a",    "b",    "ab",     "*",  "a*", "*b", "?",
                              "[ab]", "[!a]", "{a,bb}", "**", "**", "*a*"};
  std::string pattern;
  for (unsigned i = 0, n = 1 + random.below(4); i < n; ++i)
    pattern += std::string("/") + random.of(components);
  return pattern;
}

std::string random_path(Random& random) {
  const char* components[] = {"a", "b", "ab", "aa", "bb", "ba", "c", "abba"};
  std::string path;
  for (unsigned i = 0, n = 1 + random.below(5); i < n; ++i) path += std::string("/") + random.of(components);
  return path;
}

std::string random_rule(Random& random, unsigned number) {
  const char* operations[] = {"read",    "write",   "[exec, read]", "open", "change",
                              "network", "connect", "any",          "any"};
  const char* verdicts[] = {"allow", "ask", "deny"};
  const std::string on = random.of(operations);
  const bool files = on != "network" && on != "connect";
  const bool network = on == "network" || on == "connect" || on == "any";
  std::string rule = fmt::format("  - id: r{}\n    on: {}\n    verdict: {}\n    reason: R\n", number, on,
                                 random.of(verdicts));
  if (files && !random.one_in(8)) {
    rule += "    path:\n";
    for (unsigned i = 0, n = 1 + random.below(3); i < n; ++i)
      rule += "      - '" + random_pattern(random) + "'\n";
  }
  if (network && random.one_in(2)) rule += "    socket: ['" + random_pattern(random) + "', '@a*']\n";
  if (network && random.one_in(2)) {
    const unsigned first = 1 + random.below(1000);
    rule += fmt::format("    to: [{{cidr: 10.{}.0.0/{}, port: {}-{}}}, {{port: {}, protocol: udp}}]\n",
                        random.below(4) * 64, 10 + random.below(3) * 3 / 3, first, first + random.below(700),
                        1 + random.below(1000));
  }
  if (random.one_in(3)) rule += "    executable: '" + random_pattern(random) + "'\n";
  if (random.one_in(4)) rule += "    mode: observe\n";
  return rule;
}

Query random_query(Random& random) {
  const unsigned kind = random.below(5);
  if (kind < 3)
    return file(1 + random.below((1U << HP_OP_CONNECT) - 1), random_path(random), random_path(random));
  if (kind == 3) {
    Query query = socket_of(random.one_in(3) ? "@" + random_path(random).substr(1) : random_path(random));
    query.executable = random_path(random);
    return query;
  }
  Query query = connect_to(fmt::format("10.{}.{}.1", random.below(256), random.below(3)),
                           static_cast<std::uint16_t>(random.below(2000)), random.one_in(2) ? 6 : 17);
  query.operations = (1 + random.below(3)) << HP_OP_CONNECT;
  query.executable = random_path(random);
  return query;
}

TEST(Parity, RandomPoliciesAgainstAHundredThousandRandomAccesses) {
  constexpr unsigned kPolicies = 100;
  constexpr unsigned kAccesses = 1000;
  std::set<std::string> rules_seen;
  for (unsigned seed = 0; seed < kPolicies; ++seed) {
    Random random(seed);
    std::string rules;
    for (unsigned i = 0, n = 2 + random.below(7); i < n; ++i) rules += random_rule(random, i);
    const Evaluator evaluator(with_rules(rules));
    for (unsigned i = 0; i < kAccesses; ++i) rules_seen.insert(evaluator(random_query(random)).id);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed << "\n" << rules;
  }
  EXPECT_GE(rules_seen.size(), 7U) << "the accesses must reach more than the default";
}

}  // namespace
}  // namespace holdpoint::policy
