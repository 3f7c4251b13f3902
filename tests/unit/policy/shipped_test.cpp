// SPDX-License-Identifier: Apache-2.0
// The policies in policies/: each is without errors and warnings, compiles, and coding.yaml says what it is
// meant to say.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
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

// An access and the rule that decides it.
struct Case {
  Query query;
  const char* rule;
};
constexpr auto kRead = operation_bit(HP_OP_READ);
constexpr auto kWrite = operation_bit(HP_OP_WRITE);
constexpr auto kCreate = operation_bit(HP_OP_CREATE);
constexpr auto kExec = operation_bit(HP_OP_EXEC);
constexpr auto kDelete = operation_bit(HP_OP_DELETE);
constexpr auto kAttributes = operation_bit(HP_OP_ATTRIBUTES);

void expect_rules(std::initializer_list<Case> cases, hp_verdict verdict) {
  static const Evaluator evaluator(contents("coding.yaml"));
  for (const auto& [query, rule] : cases) {
    const Outcome outcome = evaluator(query);
    EXPECT_EQ(outcome.id, rule) << query.path << " " << query.port << " by " << query.executable;
    EXPECT_EQ(outcome.verdict, verdict) << query.path << " " << query.port;
  }
}

TEST(Shipped, CodingPolicyDeniesWhatNoAgentNeeds) {
  expect_rules(
      {
          {file(kWrite, "/proc/sys/kernel/core_pattern"), "kernel-doors"},
          {file(kWrite, "/sys/kernel/uevent_helper"), "kernel-doors"},
          {file(kWrite, "/proc/sys/kernel/yama/ptrace_scope"), "kernel-doors"},
          {file(kWrite, "/sys/module/dm_mod/parameters/stats_current_allocated_bytes"), "kernel-doors"},
          {file(kExec, "/usr/bin/kmod"), "kernel-tools"},
          {file(kRead, "/dev/sda1"), "raw-devices"},
          {file(kRead, "/dev/mem"), "raw-devices"},
          {file(kWrite, "/dev/uinput"), "raw-devices"},
          {socket_of("/tmp/.X11-unix/X0"), "screen-of-a-person"},
          {socket_of("@/tmp/.X11-unix/X0"), "screen-of-a-person"},
          {socket_of("/run/user/1000/wayland-0"), "screen-of-a-person"},
          {connect_to("127.0.0.1", 6000), "screen-of-a-person"},
          {connect_to("127.0.0.1", 6010), "screen-of-a-person"},
          {connect_to("::1", 6049), "screen-of-a-person"},
          {connect_to("169.254.169.254", 80), "cloud-metadata"},
          {connect_to("fd00:ec2::254", 80), "cloud-metadata"},
          {connect_to("168.63.129.16", 80), "cloud-metadata"},
          {file(kWrite, "/etc/claude-code/managed-settings.json"), "guards-of-the-organisation"},
          {file(kCreate, "/etc/systemd/system/holdpointd.service.d/x.conf"), "guard:installed"},
          {socket_of("/run/holdpoint/api.sock"), "guard:daemon-sockets"},
      },
      HP_DENY);
}

TEST(Shipped, CodingPolicyAsksBeforeKeysAndCredentialsAreRead) {
  expect_rules(
      {
          {file(kRead, "/home/u/.ssh/id_ed25519"), "ssh-keys"},
          {file(kRead, "/root/.ssh/id_rsa"), "ssh-keys"},
          {file(kRead | kWrite, "/home/u/.ssh/id_rsa"), "ssh-keys"},
          {socket_of("/tmp/ssh-abc/agent.12"), "key-agents"},
          {socket_of("/run/user/1000/gnupg/S.gpg-agent"), "key-agents"},
          {socket_of("/home/u/.cache/git/credential/socket"), "key-agents"},
          {socket_of("/root/.git-credential-cache/socket"), "key-agents"},
          {file(kRead, "/home/u/.gnupg/private-keys-v1.d/A.key"), "pgp-keys"},
          {file(kRead, "/home/u/.password-store/bank.gpg"), "passwords-browsers-mail"},
          {file(kRead, "/home/u/.mozilla/firefox/p/cookies.sqlite"), "passwords-browsers-mail"},
          {file(kRead, "/home/u/.config/google-chrome/Default/Login Data"), "passwords-browsers-mail"},
          {file(kRead, "/home/u/.bitcoin/wallet.dat"), "wallets"},
          {file(kRead, "/home/u/.bash_history", "/usr/bin/grep"), "shell-history"},
          {file(kRead, "/home/u/.python_history", "/usr/bin/python3"), "shell-history"},
          {file(kRead, "/home/u/.local/share/fish/fish_history"), "shell-history"},
          {file(kRead, "/etc/shadow"), "secrets-of-the-machine"},
          {file(kRead, "/proc/1234/environ"), "variables-of-programs"},
          {file(kRead, "/home/u/.aws/credentials"), "cloud-credentials"},
          {file(kRead, "/home/u/.aws/sso/cache/x.json"), "cloud-credentials"},
          {file(kRead, "/home/u/.kube/config"), "cloud-credentials"},
          {file(kRead, "/home/u/.azure/msal_token_cache.json"), "cloud-credentials"},
          {file(kRead, "/home/u/.azure/accessTokens.json"), "cloud-credentials"},
          {file(kRead, "/etc/NetworkManager/system-connections/home"), "secrets-of-the-machine"},
          {file(kRead, "/home/u/.terraform.d/credentials.tfrc.json"), "cloud-credentials"},
          {file(kRead, "/home/u/.vault-token"), "cloud-credentials"},
          {file(kRead, "/home/u/.config/gcloud/application_default_credentials.json"), "cloud-credentials"},
          {file(kRead, "/etc/rancher/k3s/k3s.yaml"), "cluster-credentials"},
          {file(kRead, "/etc/kubernetes/pki/ca.key"), "cluster-credentials"},
          {file(kRead, "/etc/kubernetes/pki/etcd/ca.key"), "cluster-credentials"},
          {file(kRead, "/run/secrets/kubernetes.io/serviceaccount/..2026_01_01/token"),
           "cluster-credentials"},
          {file(kRead, "/home/u/.npmrc"), "service-tokens"},
          {file(kRead, "/home/u/.pypirc"), "service-tokens"},
          {file(kRead, "/home/u/.cargo/credentials.toml"), "service-tokens"},
          {file(kRead, "/home/u/.gem/credentials"), "service-tokens"},
          {file(kRead, "/home/u/.docker/config.json"), "service-tokens"},
          {file(kRead, "/home/u/.config/containers/auth.json"), "service-tokens"},
          {file(kRead, "/run/user/1000/containers/auth.json"), "service-tokens"},
          {file(kRead, "/home/u/.config/gh/hosts.yml"), "service-tokens"},
          {file(kRead, "/home/u/.config/.wrangler/config/default.toml"), "service-tokens"},
          {file(kRead, "/home/u/.config/hub"), "service-tokens"},
          {file(kRead, "/home/u/.netrc"), "service-tokens"},
          {file(kRead, "/home/u/.git-credentials"), "service-tokens"},
          {file(kRead, "/home/u/.claude/.credentials.json"), "tokens-of-agents"},
          {file(kRead, "/home/u/project/.env"), "project-secrets"},
          {file(kRead, "/srv/x/.env.production"), "project-secrets"},
      },
      HP_ASK);
}

TEST(Shipped, CodingPolicyAsksBeforeSomethingIsLeftBehind) {
  expect_rules(
      {
          {file(kWrite, "/home/u/.ssh/authorized_keys"), "who-may-log-in"},
          {file(kDelete, "/home/u/.ssh/authorized_keys"), "who-may-log-in"},
          {file(kAttributes, "/home/u/.ssh/id_ed25519"), "who-may-log-in"},
          {file(kWrite, "/home/u/.bashrc"), "shell-start-up"},
          {file(kDelete, "/home/u/.bashrc"), "shell-start-up"},
          {file(kAttributes, "/home/u/project/.git/hooks/pre-commit"), "git-hooks"},
          {file(kCreate, "/home/u/.zshenv"), "shell-start-up"},
          {file(kCreate, "/home/u/.bash_completion"), "shell-start-up"},
          {file(kCreate, "/root/.bash_completion"), "shell-start-up"},
          {file(kCreate, "/home/u/.local/share/bash-completion/completions/git"), "shell-start-up"},
          {file(kCreate, "/home/u/.bashrc.d/site/evil.sh"), "shell-start-up"},
          {file(kCreate, "/home/u/.oh-my-zsh/custom/evil.zsh"), "shell-start-up"},
          {file(kWrite, "/home/u/.oh-my-zsh/plugins/git/git.plugin.zsh"), "shell-start-up"},
          {file(kCreate, "/home/u/.config/fish/completions/git.fish"), "shell-start-up"},
          {file(kWrite, "/root/.config/fish/config.fish"), "shell-start-up"},
          {file(kCreate, "/home/u/.config/systemd/user/x.service"), "services-and-jobs"},
          {file(kCreate, "/home/u/.config/autostart/x.desktop"), "services-and-jobs"},
          {file(kCreate, "/etc/cron.d/x"), "services-and-jobs"},
          {file(kCreate, "/var/spool/cron/crontabs/u"), "services-and-jobs"},
          {file(kCreate, "/home/u/.gitconfig.lock", "/usr/bin/git"), "git-settings-of-a-person"},
          {file(kCreate, "/home/u/.config/git/hooks/pre-push"), "git-settings-of-a-person"},
          {file(kCreate, "/home/u/project/.git/hooks/pre-commit"), "git-hooks"},
          {file(kCreate, "/home/u/.local/bin/git"), "programs-of-a-person"},
          {file(kCreate, "/home/u/.cargo/bin/git"), "programs-of-a-person"},
          {file(kCreate, "/home/u/.cargo/bin/git", "/home/u/.rustup/toolchains/stable/bin/cargo"),
           "programs-of-a-person"},
          {file(kCreate, "/root/go/bin/git", "/usr/local/go/bin/go"), "programs-of-a-person"},
          {file(kWrite, "/home/u/.cargo/env"), "shell-start-up"},
          {file(kWrite, "/home/u/.nvm/nvm.sh", "/usr/bin/git"), "shell-start-up"},
          {file(kWrite, "/var/lib/dpkg/info/bash.postinst"), "system-files"},
          {file(kWrite, "/home/u/.config/pip/pip.conf"), "settings-of-tools"},
          {file(kWrite, "/home/u/.vimrc"), "settings-of-tools"},
          {file(kWrite, "/home/u/.config/Code/User/settings.json"), "settings-of-tools"},
          {file(kWrite, "/home/u/.config/Code/User/profiles/1a2b/settings.json"), "settings-of-tools"},
          {file(kWrite, "/home/u/.vscode/extensions/a.b-1.0/out/main.js"), "settings-of-tools"},
          {file(kCreate, "/home/u/.gradle/init.d/ours/evil.gradle"), "settings-of-tools"},
          {file(kWrite, "/home/u/.claude/settings.json"), "settings-of-agents"},
          {file(kCreate, "/home/u/.gemini/settings.json", "/usr/bin/git"), "settings-of-agents"},
          {file(kCreate, "/root/.cursor/mcp.json", "/usr/bin/git"), "settings-of-agents"},
          {file(kWrite, "/home/u/.kiro/settings/mcp.json"), "settings-of-agents"},
          {file(kCreate, "/home/u/p/.claude/settings.local.json"), "project-settings-of-agents"},
          {file(kCreate, "/home/u/p/.vscode/tasks.json"), "project-settings-of-agents"},
          {file(kCreate, "/home/u/p/.mcp.json"), "project-settings-of-agents"},
          {file(kWrite, "/home/u/.codex/config.toml"), "settings-of-agents"},
          {file(kWrite, "/home/u/.claude/hooks/lib/check.sh"), "settings-of-agents"},
          {file(kWrite, "/home/u/.claude/plugins/cache/x/hooks/hooks.json"), "settings-of-agents"},
          {file(kCreate, "/root/.gemini/extensions/x/gemini-extension.json"), "settings-of-agents"},
          {file(kCreate, "/home/u/.gemini/extensions/x/gemini-extension.json"), "settings-of-agents"},
          {file(kCreate, "/home/u/.config/opencode/plugin/x/index.ts"), "settings-of-agents"},
          {file(kCreate, "/home/u/.config/amp/tools/x/run"), "settings-of-agents"},
          {file(kWrite, "/home/u/.copilot/mcp-config.json"), "settings-of-agents"},
          {file(kWrite, "/home/u/.gemini/trustedFolders.json"), "settings-of-agents"},
          {file(kWrite, "/etc/hosts"), "system-files"},
          {file(kCreate, "/etc/profile.d/x.sh"), "system-files"},
          {file(kCreate, "/usr/local/bin/git"), "system-files"},
          {file(kWrite, "/var/lib/dpkg/lock-frontend", "/usr/bin/python3"), "package-managers"},
          {file(kExec, "/usr/bin/dpkg", "/usr/bin/bash"), "package-tools"},
          {file(kExec, "/usr/bin/dpkg", "/usr/bin/apt-cache"), "package-tools"},
          {file(kExec, "/usr/bin/apt-get", "/usr/bin/bash"), "package-tools"},
          {file(kExec, "/usr/bin/update-alternatives", "/usr/bin/dash"), "package-tools"},
          {file(kExec, "/usr/bin/dpkg-divert", "/usr/bin/dash"), "package-tools"},
          {file(kCreate, "/etc/ld.so.cache", "/usr/sbin/ldconfig"), "system-files"},
          {file(kCreate, "/etc/profile.d/x.sh", "/usr/bin/rpm"), "system-files"},
      },
      HP_ASK);
}

TEST(Shipped, CodingPolicyAsksOnTheWaysOutOfTheSession) {
  expect_rules(
      {
          {socket_of("/run/docker.sock"), "container-engines"},
          {socket_of("/var/run/docker.sock"), "container-engines"},
          {socket_of("/run/containerd/containerd.sock"), "container-engines"},
          {socket_of("@/containerd-shim/x.sock"), "container-engines"},
          {socket_of("/run/docker/containerd/containerd.sock"), "container-engines"},
          {socket_of("/run/user/1000/docker/containerd/containerd.sock"), "container-engines"},
          {socket_of("/tmp/nvim.u/Abc123/nvim.7.0"), "terminals-and-editors"},
          {socket_of("/run/user/1000/podman/podman.sock"), "container-engines"},
          {socket_of("/run/user/1000/bus"), "service-manager"},
          {socket_of("/run/dbus/system_bus_socket"), "service-manager"},
          {socket_of("/run/systemd/private"), "service-manager"},
          {socket_of("/tmp/tmux-1000/default"), "terminals-and-editors"},
          {socket_of("/tmp/vscode-ipc-1.sock"), "terminals-and-editors"},
          {socket_of("/run/postgresql/.s.PGSQL.5432"), "database-sockets"},
          {file(kRead, "/dev/video0"), "sound-and-camera"},
          {connect_to("127.0.0.1", 9222), "open-programs-of-a-person"},
          {file(kExec, "/usr/bin/sudo"), "become-somebody"},
          {file(kExec, "/usr/sbin/unix_chkpwd", "/usr/bin/bash"), "password-checks"},
          {file(kExec, "/usr/bin/systemctl"), "service-tools"},
          {file(kExec, "/usr/bin/crontab"), "service-tools"},
          {file(kExec, "/usr/bin/docker"), "container-tools"},
          {file(kExec, "/home/u/bin/docker"), "container-tools"},
          {file(kExec, "/usr/libexec/docker/cli-plugins/docker-compose", "/usr/bin/bash"), "container-tools"},
          {file(kExec, "/usr/bin/unshare"), "other-roots"},
          {file(kExec, "/usr/sbin/usermod"), "accounts-and-firewall"},
          {file(kExec, "/usr/bin/ssh", "/usr/bin/git"), "other-machines"},
          {file(kExec, "/usr/bin/scp", "/usr/bin/bash"), "other-machines"},
          {file(kExec, "/usr/local/bin/kubectl"), "production-tools"},
          {file(kExec, "/usr/local/aws-cli/v2/2.15.0/dist/aws"), "production-tools"},
          {file(kExec, "/home/u/.pyenv/versions/3.12/bin/aws"), "production-tools"},
          {file(kExec, "/home/u/venv/bin/twine"), "publishing-tools"},
          {file(kExec, "/usr/local/bin/ngrok"), "tunnels"},
          {connect_to("10.0.0.5", 22), "logins-of-others"},
          {connect_to("10.0.0.5", 5432), "databases"},
          {connect_to("10.0.0.5", 27018), "databases"},
          {connect_to("127.0.0.1", 2375), "control-planes"},
          {connect_to("2001:db8::1", 25), "mail"},
      },
      HP_ASK);
}

// One of each group that comes near, and stays free: a question too many makes people approve without reading.
TEST(Shipped, CodingPolicyLeavesOrdinaryWorkAlone) {
  const auto by_ssh = [](std::uint16_t port) {
    Query query = connect_to("10.0.0.5", port);
    query.executable = "/usr/bin/ssh";
    return query;
  };
  const auto by = [](std::string socket, std::string executable) {
    Query query = socket_of(std::move(socket));
    query.executable = std::move(executable);
    return query;
  };
  constexpr const char* kDefault = "default:coder";
  expect_rules(
      {
          {file(kRead | kWrite, "/home/u/project/main.c"), kDefault},
          {file(kCreate, "/tmp/x/y.o"), kDefault},
          {file(kExec, "/usr/bin/make"), kDefault},
          {file(kExec, "/home/u/project/node_modules/.bin/jest"), kDefault},
          {file(kExec, "/home/u/.local/bin/claude"), kDefault},
          {file(kRead, "/proc/sys/kernel/osrelease"), kDefault},
          {file(kRead | kWrite, "/dev/null"), kDefault},
          {socket_of("/tmp/.X11-unix/X99"), "screens-of-the-session"},
          {connect_to("169.254.169.254", 53, 17), "resolver-at-the-metadata-address"},
          {connect_to("10.0.0.5", 443), kDefault},
          {connect_to("127.0.0.1", 8080), kDefault},
          {file(kRead, "/home/u/.ssh/id_ed25519.pub"), "ssh-public-files"},
          {file(kRead, "/home/u/.ssh/known_hosts"), "ssh-public-files"},
          {file(kRead, "/home/u/.ssh/id_ed25519", "/usr/bin/ssh"), "keys-for-ssh"},
          {by_ssh(22), "logins-of-ssh"},
          {by("/tmp/ssh-abc/agent.12", "/usr/bin/ssh"), "key-agents-for-ssh"},
          {file(kExec, "/usr/bin/ssh", "/usr/bin/scp"), "ssh-for-copies"},
          {file(kRead, "/home/u/.gnupg/pubring.kbx"), kDefault},
          {file(kRead, "/home/u/.bash_history", "/usr/bin/bash"), "history-for-shells"},
          {file(kRead, "/etc/shadow", "/usr/bin/sudo"), "passwords-for-sudo"},
          {file(kRead, "/proc/1234/stat"), kDefault},
          {file(kRead, "/proc/1234/environ", "/usr/bin/ps"), "variables-for-ps"},
          {file(kRead, "/home/u/.kube/config", "/usr/bin/kubectl"), "credentials-for-their-tools"},
          {file(kRead, "/home/u/.config/gcloud/configurations/config_default"), kDefault},
          {file(kRead, "/home/u/project/.npmrc"), kDefault},
          {file(kRead, "/home/u/.cargo/config.toml"), kDefault},
          {file(kRead, "/home/u/.claude/.credentials.json", "/usr/bin/node"), "tokens-for-agents"},
          {file(kRead | kWrite, "/home/u/.claude/history.jsonl"), kDefault},
          {file(kRead, "/home/u/project/.env.example"), kDefault},
          {file(kCreate, "/home/u/project/.env"), kDefault},
          {file(kRead, "/home/u/.bashrc"), kDefault},
          {file(kCreate, "/home/u/.oh-my-zsh/log/update.lock"), kDefault},
          {file(kCreate, "/home/u/.config/opencode/node_modules/x/index.js"), kDefault},
          {file(kWrite, "/home/u/.claude/projects/x/session.jsonl"), kDefault},
          {file(kRead, "/home/u/.gitconfig"), kDefault},
          {file(kWrite, "/home/u/project/.git/config"), kDefault},
          {file(kCreate, "/home/u/project/.git/hooks/pre-commit.sample"), "git-hook-samples"},
          {connect_to("127.0.0.1", 6006), kDefault},
          {connect_to("127.0.0.1", 6060), kDefault},
          {connect_to("10.0.0.5", 6010), kDefault},
          {file(kExec, "/usr/sbin/unix_chkpwd", "/usr/bin/sudo"), "password-checks-of-sudo"},
          {file(kRead, "/run/user/1000/containers/auth.json", "/usr/bin/podman"),
           "credentials-for-their-tools"},
          {file(kRead, "/home/u/.local/share/fish/fish_history", "/usr/bin/fish"), "history-for-shells"},
          {file(kRead, "/home/u/.cargo/env", "/usr/bin/bash"), kDefault},
          {file(kCreate, "/var/lib/dpkg/info/x.postinst", "/usr/bin/dpkg"), "package-tools-at-work"},
          {file(kCreate, "/home/u/p/.vscode/settings.json", "/usr/bin/git"), "project-settings-by-git"},
          {file(kRead, "/etc/hosts"), kDefault},
          {file(kExec, "/usr/bin/apt-get", "/usr/bin/sudo"), "package-tools-from-their-tools"},
          {file(kExec, "/usr/bin/dpkg", "/usr/bin/apt-get"), "package-tools-from-their-tools"},
          {file(kExec, "/usr/bin/dpkg-query", "/usr/bin/bash"), kDefault},
          {file(kExec, "/usr/sbin/ldconfig", "/usr/bin/python3.11"), kDefault},
          {file(kCreate, "/usr/lib/x.so", "/usr/bin/dpkg"), "package-tools-at-work"},
          {file(kWrite, "/var/lib/dpkg/lock-frontend", "/usr/bin/apt-get"), "package-tools-at-work"},
          {file(kCreate, "/etc/ld.so.cache~", "/usr/sbin/ldconfig"), "library-cache-in-the-making"},
          {by("/run/docker.sock", "/usr/bin/docker"), "sockets-for-their-tools"},
          {file(kExec, "/usr/libexec/docker/cli-plugins/docker-compose", "/usr/bin/docker"),
           "containers-from-their-tools"},
          {socket_of("/run/systemd/journal/stdout"), kDefault},
          {socket_of("/run/systemd/resolve/io.systemd.Resolve"), kDefault},
      },
      HP_ALLOW);
}

// Customers add rules of their own; and other file operations come.
TEST(Shipped, CodingPolicyLeavesRoomInTheTables) {
  const Evaluator evaluator(contents("coding.yaml"));
  EXPECT_LE(size_of(evaluator.image()).transitions, HP_MAX_TRANSITIONS * 85 / 100);
  EXPECT_LE(size_of(evaluator.image()).rules, HP_MAX_RULES / 2);
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
