// SPDX-License-Identifier: Apache-2.0
// One table: a text that is wrong in one place, and the message with its place and hint.
#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

struct Wrong {
  const char* name;
  std::string text;
  const char* message;  // of the first diagnostic: "line:column: error: message [hint]"
};

std::string rule(const std::string& fields) { return with_rules("  - {id: r, " + fields + "}\n"); }

class ParseError : public testing::TestWithParam<Wrong> {};

TEST_P(ParseError, NamesPlaceCauseAndRemedy) {
  const CheckResult result = check_text(GetParam().text);
  EXPECT_FALSE(result.policy.has_value());
  const std::string text = all_text(result);
  EXPECT_EQ(text.substr(0, text.find('\n')), "p.yaml:" + std::string(GetParam().message));
}

const Wrong kWrong[] = {
    {"UnknownTopLevelKey", "version: 1\nrulez: []\n",
     "2:1: error: unknown key 'rulez' in policy file [did you mean 'rules'?]"},
    {"VariableWithEquals", "version: 1\nenvironment: ['A=b']\n",
     "2:15: error: environment: 'A=b' is no name of a variable of at most 31 letters, digits and '_' "
     "[environment: [LD_PRELOAD, PATH]]"},
    {"UnknownRuleKey", rule("on: read, paht: /x, verdict: allow"),
     "5:23: error: unknown key 'paht' in rule [did you mean 'path'?]"},
    {"UnknownAgentKey", "version: 1\nagents:\n  a: {default: allow, zzzzzz: 1}\n",
     "3:23: error: unknown key 'zzzzzz' in agent [known here: description, cgroups, default, "
     "default_reason, mode, operator or user_namespaces]"},
    {"UnknownDestinationKey", rule("on: connect, to: [{ports: 1}], verdict: allow"),
     "5:32: error: unknown key 'ports' in to [did you mean 'port'?]"},
    {"MissingVersion", "agents: {}\n", "1:1: error: policy file without 'version'"},
    {"OtherVersion", "version: 2\n",
     "1:10: error: version: this program reads version 1 only [write 'version: 1']"},
    {"QuotedVersion", "version: '1'\n",
     "1:10: error: version: this program reads version 1 only [write 'version: 1']"},
    {"AgentWithoutDefault", "version: 1\nagents:\n  a: {description: x}\n",
     "3:6: error: agent without 'default'"},
    {"AgentNameWithCapital", "version: 1\nagents:\n  Coder: {default: ask}\n",
     "3:3: error: agents: 'Coder' is not a name [1 to 31 of a-z, 0-9 and '-', not '-' first]"},
    {"AgentNameTooLong", "version: 1\nagents:\n  a2345678901234567890123456789012: {default: ask}\n",
     "3:3: error: agents: 'a2345678901234567890123456789012' is not a name "
     "[1 to 31 of a-z, 0-9 and '-', not '-' first]"},
    {"AgentsAsList", "version: 1\nagents: [a]\n",
     "2:9: error: agents: expected a mapping of names to agents [coder: {default: ask}]"},
    {"RulesAsMapping", "version: 1\nrules: {a: 1}\n",
     "2:8: error: rules: expected a list of rules [- {id: name, on: read, path: /x, verdict: allow}]"},
    {"RuleWithoutId", with_rules("  - {on: read, verdict: allow}\n"), "5:5: error: rule without 'id'"},
    {"RuleWithoutOn", rule("verdict: allow"), "5:5: error: rule without 'on'"},
    {"RuleWithoutVerdict", rule("on: read"), "5:5: error: rule without 'verdict'"},
    {"AskWithoutReason", rule("on: read, verdict: ask"),
     "5:10: error: rule 'r' without 'reason' [who is asked or refused must be able to read why]"},
    {"EmptyReason", rule("on: read, verdict: ask, reason: ''"),
     "5:45: error: reason: expected a text, found nothing"},
    {"ControlCharacterInReason", rule("on: read, verdict: ask, reason: \"a\\eb\""),
     "5:45: error: reason: control characters are not allowed"},
    {"MisspeltVerdict", rule("on: read, verdict: alow"),
     "5:32: error: verdict: expected allow, ask or deny, found 'alow' [did you mean 'allow'?]"},
    {"UnknownOperation", rule("on: [read, remove], verdict: allow"),
     "5:24: error: on: expected exec, read, write, create, delete, link, attributes, connect, send, open, "
     "change, network or any, found 'remove'"},
    {"EmptyOperations", rule("on: [], verdict: allow"),
     "5:17: error: on: the list is empty [remove the key instead]"},
    {"TimeoutOnAllow", rule("on: read, verdict: allow, timeout: 5m"),
     "5:39: error: 'timeout' is only for verdict ask"},
    {"HoldOnDeny", rule("on: read, verdict: deny, reason: R, hold: auto"),
     "5:49: error: 'hold' is only for verdict ask"},
    {"TimeoutWithoutUnit", rule("on: read, verdict: ask, reason: R, timeout: 15"),
     "5:57: error: timeout: expected a duration [a number and s, m, h or d: 90s, 15m, 8h, 7d]"},
    {"TimeoutTooLong", rule("on: read, verdict: ask, reason: R, timeout: 8d"),
     "5:57: error: timeout: 8d is out of bounds [from 1s to 7d]"},
    {"TimeoutZero", rule("on: read, verdict: ask, reason: R, timeout: 0s"),
     "5:57: error: timeout: 0s is out of bounds [from 1s to 7d]"},
    {"SilenceNeverApproves", rule("on: read, verdict: ask, reason: R, on_timeout: allow"),
     "5:60: error: on_timeout: nothing is approved by silence [deny is the only value]"},
    {"LogAsText", rule("on: read, verdict: allow, log: 'true'"),
     "5:44: error: log: expected true or false, without quotes"},
    {"PathWithoutSlash", rule("on: read, path: etc/shadow, verdict: allow"),
     "5:29: error: path: a pattern begins with '/', at byte 1 of the pattern [write /**/NAME for a name "
     "anywhere; "
     "names without a tree begin with memfd: pipe: socket: or anon_inode:]"},
    {"UnclosedClassHasItsColumn", rule("on: read, path: '/etc/[a', verdict: allow"),
     "5:35: error: path: class '[' is not closed, at byte 6 of the pattern [add ']' or write \\[]"},
    {"DestinationRuleOnFiles", rule("on: read, to: [{port: 1}], verdict: allow"),
     "5:23: error: 'to' never applies: 'on' names none of connect, send [add one of connect, send to 'on', "
     "or remove "
     "'to']"},
    {"PathRuleOnNetwork", rule("on: connect, path: /x, verdict: allow"),
     "5:26: error: 'path' never applies: 'on' names none of exec, read, write, create, delete, link, "
     "attributes [add one of exec, read, write, create, delete, link, attributes to 'on', or remove 'path']"},
    {"HostBitsInCidr", rule("on: connect, to: [{cidr: 10.1.2.3/8}], verdict: allow"),
     "5:38: error: cidr: 10.1.2.3/8 has bits after the prefix [the network is 10.0.0.0/8]"},
    {"NameAsCidr", rule("on: connect, to: [{cidr: example.org}], verdict: allow"),
     "5:38: error: cidr: expected an address with or without prefix length [such as 10.0.0.0/8, 192.0.2.7 or "
     "fd00::/8; "
     "names are not possible here]"},
    {"PrefixTooLong", rule("on: connect, to: [{cidr: 10.0.0.0/33}], verdict: allow"),
     "5:38: error: cidr: expected an address with or without prefix length [such as 10.0.0.0/8, 192.0.2.7 or "
     "fd00::/8; "
     "names are not possible here]"},
    {"ReversedPorts", rule("on: connect, to: [{port: 90-80}], verdict: allow"),
     "5:38: error: port: range 90-80 is reversed [80-90]"},
    {"PortTooLarge", rule("on: connect, to: [{port: 65536}], verdict: allow"),
     "5:38: error: port: expected a port or a range [5432, or 8000-8999, or a list of them; 1 to 65535]"},
    {"UnknownProtocol", rule("on: connect, to: [{protocol: icmp}], verdict: allow"),
     "5:42: error: protocol: expected tcp, udp or any, found 'icmp'"},
    {"EmptyDestination", rule("on: connect, to: [{}], verdict: allow"),
     "5:31: error: to: the entry says nothing [give cidr, port or protocol]"},
    {"SocketWithoutMark", rule("on: connect, socket: docker.sock, verdict: allow"),
     "5:34: error: socket: a socket pattern begins with '/' or '@', at byte 1 of the pattern ['@' stands for "
     "abstract "
     "names]"},
    {"RuleAsText", with_rules("  - allow everything\n"),
     "5:5: error: rule: expected a mapping of keys and values, found a single value"},
    {"UnknownAgentInRule", rule("agents: [b], on: read, verdict: allow"),
     "5:22: error: rule 'r': no agent 'b' is declared [declare it under 'agents:']"},
};

INSTANTIATE_TEST_SUITE_P(Table, ParseError, testing::ValuesIn(kWrong),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Parse, AllErrorsOfAFileAreReportedInOneGo) {
  const CheckResult result = check_text(R"(version: 1
agents:
  a: {defualt: allow}
rules:
  - {id: x, on: raed, path: nope, verdict: maybe}
  - {id: y, on: read, verdict: ask}
)");
  EXPECT_EQ(result.diagnostics.size(), 6U) << all_text(result);
}

TEST(Parse, MoreErrorsThanTheBoundAreCounted) {
  std::string text = "version: 1\n";
  for (int i = 0; i < 80; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const CheckResult result = check_text(text);
  ASSERT_EQ(result.diagnostics.size(), kMaxDiagnostics);
  EXPECT_EQ(result.diagnostics.back().line, 51U);
}

TEST(Parse, EveryKeyIsRead) {
  const Checked policy = must_check(R"(version: 1
agents:
  coder:
    description: Coding agents
    operator: Platform team
    cgroups: ["/agents.slice/coder-*.scope", "/ci.slice/**"]
    default: ask
    default_reason: Unknown
    user_namespaces: allow
rules:
  - id: r1
    agents: [coder]
    on: [open, network]
    path: [/a, /b]
    executable: /usr/bin/git
    to:
      - {cidr: 10.0.0.0/8, port: [5432, 8000-8999], protocol: tcp}
      - {cidr: "fd00::/8"}
    socket: ["/run/docker.sock", "@abstract-*"]
    verdict: ask
    reason: R
    timeout: 2h
    on_timeout: deny
    hold: suspend
    log: true
)");
  ASSERT_EQ(policy.agents.size(), 1U);
  EXPECT_EQ(policy.agents[0].name, "coder");
  EXPECT_EQ(policy.agents[0].description, "Coding agents");
  EXPECT_EQ(policy.agents[0].operated_by, "Platform team");
  EXPECT_EQ(policy.agents[0].cgroups.size(), 2U);
  EXPECT_EQ(policy.agents[0].default_verdict, HP_ASK);
  EXPECT_EQ(policy.agents[0].default_reason, "Unknown");
  EXPECT_TRUE(policy.agents[0].user_namespaces);
  ASSERT_EQ(policy.rules.size(), 1U);
  const Rule& rule = policy.rules[0];
  EXPECT_EQ(rule.operations, operation_bit(HP_OP_READ) | operation_bit(HP_OP_WRITE) |
                                 operation_bit(HP_OP_CREATE) | kNetworkOperations);
  EXPECT_EQ(rule.paths.size(), 2U);
  EXPECT_EQ(rule.executables.at(0).text, "/usr/bin/git");
  ASSERT_EQ(rule.destinations.size(), 2U);
  EXPECT_EQ(rule.destinations[0].cidr.prefix, 104U);
  EXPECT_EQ(rule.destinations[0].ports.at(1).last, 8999);
  EXPECT_EQ(rule.destinations[0].protocol, Protocol::tcp);
  EXPECT_EQ(rule.destinations[1].cidr.prefix, 8U);
  EXPECT_EQ(rule.sockets.size(), 2U);
  EXPECT_EQ(rule.timeout, std::chrono::hours(2));
  EXPECT_EQ(rule.hold, HP_HOLD_SUSPEND);
  EXPECT_TRUE(rule.log);
}

TEST(Parse, DefaultsAreFifteenMinutesAndAuto) {
  const Checked policy = must_check(rule("on: read, verdict: ask, reason: R"));
  EXPECT_EQ(policy.rules.at(0).timeout, std::chrono::minutes(15));
  EXPECT_EQ(policy.rules.at(0).hold, HP_HOLD_AUTO);
  EXPECT_FALSE(policy.rules.at(0).log);
}

}  // namespace
}  // namespace holdpoint::policy
