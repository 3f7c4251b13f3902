// SPDX-License-Identifier: Apache-2.0
// The policies in policies/: each is without errors and warnings, compiles, and coding.yaml says what it is
// meant to say.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

std::string contents(const std::string& name) {
  std::ifstream in(std::string(HOLDPOINT_POLICIES) + "/" + name);
  EXPECT_TRUE(in.good()) << name;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Shipped, EveryPolicyIsCleanAndCompiles) {
  unsigned found = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(HOLDPOINT_POLICIES)) {
    if (entry.path().extension() != ".yaml") continue;
    ++found;
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    const std::vector<SourceText> sources = {{entry.path().string(), text.str()}};
    const CheckResult result = check(sources, GuardPaths{});
    EXPECT_EQ(render(result.diagnostics, sources), "");
    ASSERT_TRUE(result.policy.has_value());
    for (std::uint32_t id = 0; id < result.policy->agents.size(); ++id) {
      const auto image = compile(*result.policy, id, 1);
      EXPECT_TRUE(image.has_value()) << entry.path() << ": " << (image ? "" : image.error().text());
    }
    EXPECT_TRUE(compile_cgroups(*result.policy, 1).has_value());
  }
  EXPECT_GE(found, 3U);
}

TEST(Shipped, CodingPolicySaysWhatItIsMeantTo) {
  const Evaluator evaluator(contents("coding.yaml"));
  const auto read = operation_bit(HP_OP_READ);
  const auto write = operation_bit(HP_OP_WRITE);
  const auto create = operation_bit(HP_OP_CREATE);
  const auto exec = operation_bit(HP_OP_EXEC);
  const std::pair<Query, const char*> cases[] = {
      {file(read, "/home/u/project/main.c"), "default:coder"},
      {file(read | write, "/home/u/project/main.c"), "default:coder"},
      {file(read, "/home/u/.ssh/id_ed25519"), "ssh-keys"},
      {file(read, "/root/.ssh/id_rsa"), "ssh-keys"},
      {file(read, "/home/u/.ssh/id_ed25519.pub"), "ssh-public-files"},
      {file(read, "/home/u/.ssh/known_hosts"), "ssh-public-files"},
      {file(write, "/home/u/.ssh/authorized_keys"), "shell-start-up"},
      {file(read | write, "/home/u/.ssh/id_rsa"), "ssh-keys"},
      {file(read, "/home/u/.aws/credentials"), "cloud-credentials"},
      {file(read, "/home/u/.aws/sso/cache/x.json"), "cloud-credentials"},
      {file(read, "/home/u/.npmrc"), "service-tokens"},
      {file(read, "/home/u/project/.env"), "project-secrets"},
      {file(read, "/home/u/project/.env.production"), "project-secrets"},
      {file(read, "/home/u/project/.env.example"), "default:coder"},
      {file(write, "/home/u/.bashrc"), "shell-start-up"},
      {file(read, "/home/u/.bashrc"), "default:coder"},
      {file(create, "/home/u/project/.git/hooks/pre-commit"), "project-hooks"},
      {file(create, "/home/u/project/.git/hooks/pre-commit.sample"), "git-hook-samples"},
      {file(write, "/etc/hosts"), "system-files"},
      {file(read, "/etc/hosts"), "default:coder"},
      {file(read, "/etc/shadow"), "pgp-keys-and-passwords"},
      {file(read, "/dev/sda1"), "disks-and-memory"},
      {file(exec, "/usr/bin/sudo"), "become-somebody"},
      {file(exec, "/usr/bin/ssh", "/usr/bin/git"), "git-over-ssh"},
      {file(exec, "/usr/bin/ssh", "/usr/bin/bash"), "remote-shells"},
      {file(exec, "/home/u/venv/bin/twine"), "publishing-tools"},
      {file(exec, "/usr/local/bin/kubectl"), "production-tools"},
      {file(exec, "/usr/bin/make"), "default:coder"},
      {connect_to("169.254.169.254", 80), "cloud-metadata"},
      {connect_to("10.0.0.5", 5432), "databases"},
      {connect_to("10.0.0.5", 27018), "databases"},
      {connect_to("10.0.0.5", 443), "default:coder"},
      {connect_to("2001:db8::1", 25), "mail"},
      {connect_to("127.0.0.1", 2375), "control-planes"},
      {socket_of("/run/docker.sock"), "container-engines"},
      {socket_of("/var/run/docker.sock"), "container-engines"},
      {socket_of("/run/postgresql/.s.PGSQL.5432"), "database-sockets"},
      {socket_of("/tmp/ssh-abc/agent.12"), "key-agents"},
      {socket_of("/run/holdpoint/api.sock"), "guard:daemon-sockets"},
      {socket_of("@/tmp/.X11-unix/X0"), "default:coder"},
  };
  for (const auto& [query, id] : cases) EXPECT_EQ(evaluator(query).id, id) << query.path << " " << query.port;
}

TEST(Shipped, SchemaAndCompilerKnowTheSameRuleKeys) {
  const auto schema = nlohmann::json::parse(contents("schema.json"));
  for (const char* part : {"rule", "agent", "destination"}) {
    std::string known;
    for (const auto& [key, unused] : schema["$defs"][part]["properties"].items()) known += key + ": {}, ";
    const std::string entry = "{" + known + "not-a-key: 1}";
    const std::string text =
        part == std::string("agent")
            ? "version: 1\nagents:\n  a: " + entry + "\n"
            : with_rules(part == std::string("rule")
                             ? "  - " + entry + "\n"
                             : "  - {id: r, on: connect, to: [" + entry + "], verdict: allow}\n");
    const std::string found = all_text(check_text(text));
    const auto first = found.find("unknown key");
    ASSERT_NE(first, std::string::npos) << part << found;
    EXPECT_EQ(found.substr(first, 23), "unknown key 'not-a-key'");
    EXPECT_EQ(found.find("unknown key", first + 1), std::string::npos) << found;
    const auto hint = found.find("known here: ");
    ASSERT_NE(hint, std::string::npos) << "no near word, so all keys are listed";
    const std::string listed = found.substr(hint, found.find(']', hint) - hint);
    const auto keys = 2 + std::count(listed.begin(), listed.end(), ',');  // "a, b or c"
    EXPECT_EQ(static_cast<std::size_t>(keys), schema["$defs"][part]["properties"].size()) << listed;
  }
}

}  // namespace
}  // namespace holdpoint::policy
