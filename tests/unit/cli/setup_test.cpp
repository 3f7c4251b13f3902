// SPDX-License-Identifier: Apache-2.0
// What `holdpoint setup` writes and reports.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/observed_report.hpp"
#include "cli/setup_plan.hpp"
#include "cli/setup_steps.hpp"
#include "policy/check.hpp"
#include "policy/glob.hpp"

namespace holdpoint::cli {
namespace {

using nlohmann::json;

constexpr const char* kPolicy = R"(# A policy.
version: 1

agents:
  coder:
    description: Somebody
    cgroups:
      - /agents.slice/coder-*.scope
    default: allow
    default_reason: Why not

environment: [PATH]

rules:
  # A comment.
  - id: keys
    agents: [coder]
    on: read
    path:
      - /home/*/.ssh/**
    verdict: ask
    reason: A key
)";

TEST(DropIn, IsThePolicyForTheNewAgent) {
  const auto text =
      drop_in({"helper", "/**/helper.service", "observe", "/etc/holdpoint/policies/60-helper.yaml"}, kPolicy);
  ASSERT_TRUE(text) << text.error();
  const auto from = text->find("version:");
  EXPECT_EQ(text->substr(from), R"(version: 1

agents:
  helper:
    description: Made by holdpoint setup
    cgroups: ["/**/helper.service"]
    default: allow
    default_reason: Why not
    mode: observe

environment: [PATH]

rules:
  # The test of `holdpoint setup`: a question about a harmless file, this one.
  - id: setup-test-helper
    agents: [helper]
    on: read
    path: "/etc/holdpoint/policies/60-helper.yaml"
    verdict: ask
    reason: This is a test of holdpoint setup; the file is the agent's policy and harmless
    timeout: 10m
    mode: enforce

  # A comment.
  - id: helper-keys
    agents: [helper]
    on: read
    path:
      - /home/*/.ssh/**
    verdict: ask
    reason: A key
)");
}

TEST(DropIn, KeepsTheNamesOfRulesWhereTheAgentKeepsItsName) {
  const auto text = drop_in({"coder", "", "enforce", "/p/60-coder.yaml"}, kPolicy);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("  - id: keys\n    agents: [coder]\n"), std::string::npos);
  EXPECT_EQ(text->find("cgroups"), std::string::npos);
  EXPECT_NE(text->find("    mode: enforce\n"), std::string::npos);
}

TEST(DropIn, OfTheShippedPolicyIsAPolicyBesideItAndWithoutIt) {
  std::ifstream in(HOLDPOINT_POLICIES "/coding.yaml");
  const std::string coding{std::istreambuf_iterator<char>(in), {}};
  for (const std::string agent : {"helper", "coder"}) {
    const auto text = drop_in({agent, "", "observe", "/p/60-new.yaml"}, coding);
    ASSERT_TRUE(text) << text.error();
    std::vector<policy::SourceText> files{{"60-new.yaml", *text}};
    if (agent != "coder") files.push_back({"50-coding.yaml", coding});
    const auto checked = policy::check(files, {});
    EXPECT_TRUE(checked.policy && checked.diagnostics.empty()) << policy::render(checked.diagnostics, files);
    EXPECT_LT(text->size(), 60U * 1024) << "the API takes no longer one";
  }
}

TEST(DropIn, RefusesWhatItDoesNotUnderstand) {
  const auto error = [](std::string policy, SetupPlan plan = {"a", "", "observe", "/p/a.yaml"}) {
    const auto text = drop_in(plan, policy);
    return text ? std::string("taken") : text.error();
  };
  const std::string agent = "version: 1\nagents:\n  x:\n    default: allow\n";
  EXPECT_EQ(error(agent), "taken");
  EXPECT_EQ(error("version: 1\nagents:\n  x: {default: allow}\n"),
            "its agent is not written as in coding.yaml");
  EXPECT_EQ(error(agent + "  y:\n    default: allow\n"), "the policy declares several agents");
  EXPECT_EQ(error("version: 1\n"), "the policy declares no agent");
  EXPECT_EQ(error(agent + "rules:\n  - {id: r, on: read}\n"), "its rules are not written as in coding.yaml");
  EXPECT_EQ(error(agent + "rules:\n  - id: r\n    on: read\n"), "not every rule of it names its agent");
  EXPECT_EQ(error(agent, {"a", "/x\"y", "observe", "/p/a.yaml"}),
            "the cgroup pattern has a quote, a backslash or a line break");
  EXPECT_EQ(error(agent, {"a", "", "observe", "/p/*.yaml"}), "the policy directory has an unusual name");
}

TEST(DropIn, ComesBehindEveryOtherFile) {
  EXPECT_EQ(drop_in_name({}, "a"), "60-a.yaml");
  EXPECT_EQ(drop_in_name({"50-coding.yaml", "own.yaml"}, "a"), "60-a.yaml");
  EXPECT_EQ(drop_in_name({"60-b.yaml", "99-z.yaml", "7-y.yaml"}, "a"), "100-a.yaml");
}

TEST(DropIn, AUnitInAnySliceIsFoundByItsName) {
  for (const char* unit : {"agent.service", "agents-x.slice"}) {
    const auto glob = policy::parse_glob(cgroup_of_unit(unit).value_or(""), policy::GlobUse::cgroup);
    ASSERT_TRUE(glob);
    for (const char* slice : {"/agents.slice/", "/system.slice/", "/user.slice/user-1000.slice/"})
      EXPECT_TRUE(policy::glob_matches(*glob, slice + std::string(unit))) << slice << unit;
  }
}

TEST(DropIn, SaysHowItsUnitGetsBehindTheGuard) {
  const auto text = drop_in({"a", "/**/a.service", "observe", "/p/a.yaml", "a.service"}, kPolicy);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("# Whoever starts it: put it into agents.slice: `systemctl edit a.service`"),
            std::string::npos)
      << *text;
  EXPECT_NE(text->find("Slice=agents.slice"), std::string::npos);
  EXPECT_TRUE(policy::check({{"60-a.yaml", *text}}, {}).policy);
}

TEST(NextSteps, NameTheGroupForWhoeverIsNotRoot) {
  for (const char* mode : {"observe", "enforce"})
    EXPECT_NE(next_steps({"a", "", mode, "/p"}).find("usermod -aG holdpoint USER, then log in again"),
              std::string::npos);
}

TEST(NextSteps, PutAServiceBehindTheGuardAndSayWhy) {
  const auto text = next_steps({"a", "/**/a.service", "observe", "/p", "a.service"});
  for (const char* part : {"systemctl edit a.service", "[Service]", "Slice=agents.slice", "unguarded"})
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
  EXPECT_EQ(next_steps({"a", "/agents.slice/a-*", "observe", "/p"}).find("systemctl edit"),
            std::string::npos);
  const auto scope = next_steps({"a", "/**/a.scope", "observe", "/p", "a.scope"});
  EXPECT_EQ(scope.find("systemctl edit"), std::string::npos) << "a scope has no drop-ins that count";
  EXPECT_NE(scope.find("--slice=agents.slice"), std::string::npos);
}

TEST(NextSteps, EndWhatBeganWhileItWasObserved) {
  EXPECT_NE(next_steps({"a", "", "observe", "/p"}).find(kEndWhatBegan), std::string::npos);
  EXPECT_EQ(next_steps({"a", "", "enforce", "/p"}).find(kEndWhatBegan), std::string::npos);
}

TEST(DropIn, AUnitIsACgroupOfItsName) {
  EXPECT_EQ(cgroup_of_unit("agent@1.service").value_or(""), "/**/agent@1.service");
  EXPECT_FALSE(cgroup_of_unit("agent"));
  EXPECT_FALSE(cgroup_of_unit("a*.service"));
}

json observed(const std::string& rule, const std::string& verdict, const std::string& object,
              unsigned times = 0) {
  json record{
      {"kind", "observed"}, {"agent", "coder"}, {"rule", rule}, {"verdict", verdict}, {"reason", "R"}};
  if (!object.empty()) record["access"] = {{"operation", "read"}, {"object", object}};
  if (times != 0) record["times"] = times;
  return record;
}

TEST(Report, GroupsByRuleWithCountsAndAnExample) {
  ObservedReport report;
  report.add(observed("keys", "ask", "/k1"));
  report.add(observed("keys", "ask", "/k2"));
  report.add(observed("secrets", "deny", "/s"));
  report.add(observed("secrets", "deny", "/s", 40));
  report.add(observed("secrets", "deny", "", 5));
  report.add({{"kind", "denial"}, {"agent", "coder"}, {"rule", "keys"}});
  const auto groups = report.as_json()["groups"];
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0]["rule"], "secrets");
  EXPECT_EQ(groups[0]["count"], 46);
  EXPECT_EQ(groups[0]["example"], "read /s");
  EXPECT_EQ(groups[1]["count"], 2);
  EXPECT_EQ(groups[1]["example"], "read /k1");
}

TEST(Report, BeginsAnewWhereTheAgentIsSwitchedToObserve) {
  const auto switched = [](const std::string& agent, const std::string& from, const std::string& to) {
    return json{{"kind", "mode"}, {"agent", agent}, {"from", from}, {"to", to}};
  };
  auto of_rule = switched("coder", "enforce", "observe");
  of_rule["rule"] = "keys";
  ObservedReport report;
  report.add(observed("keys", "ask", "/k1"));
  for (const auto& other : {switched("coder", "observe", "enforce"), switched("coder", "observe", "observe"),
                            switched("other", "enforce", "observe"), of_rule})
    report.begin_anew(other);
  EXPECT_EQ(report.as_json()["groups"].size(), 1U);
  report.begin_anew(switched("coder", "enforce", "observe"));
  EXPECT_TRUE(report.empty());
  report.add(observed("secrets", "deny", "/s"));
  report.add(observed("secrets", "deny", "/s"));
  report.add(observed("keys", "ask", "/k2"));
  const auto groups = report.as_json()["groups"];
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0]["rule"], "secrets");
  EXPECT_EQ(groups[0]["count"], 2);
  EXPECT_EQ(groups[1]["verdict"], "ask");
}

TEST(Report, EndsWithTheCommandThatEnforces) {
  ObservedReport report;
  EXPECT_TRUE(report.empty());
  report.add(observed("keys", "ask", "/k1"));
  const auto text = report.draw(Terminal{});
  EXPECT_TRUE(text.ends_with("  holdpoint mode coder enforce --reason 'observed long enough'\n")) << text;
  EXPECT_EQ(report.as_json()["agents"][0]["next"], enforce_command("coder"));
}

}  // namespace
}  // namespace holdpoint::cli
