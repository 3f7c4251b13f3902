// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "unit/policy/fixture.hpp"

namespace holdpoint::policy {
namespace {

constexpr std::uint32_t kCreate = operation_bit(HP_OP_CREATE);

const char* kAllowAll = "  - {id: all, on: any, verdict: allow}\n";

TEST(Guard, StandsBeforeARuleThatAllowsEverything) {
  const Evaluator evaluator(with_rules(kAllowAll));
  EXPECT_EQ(evaluator(file(kWrite, "/sys/fs/bpf/holdpoint/maps")).id, "guard:kernel");
  EXPECT_EQ(evaluator(file(kCreate, "/sys/fs/cgroup/x/cgroup.procs")).id, "guard:kernel");
  EXPECT_EQ(evaluator(file(kWrite, "/proc/sys/kernel/ftrace_enabled")).id, "guard:kernel");
  for (const auto change : {HP_OP_DELETE, HP_OP_LINK, HP_OP_ATTRIBUTES}) {
    EXPECT_EQ(evaluator(file(operation_bit(change), "/sys/fs/bpf/holdpoint/links-1")).id, "guard:kernel");
    EXPECT_EQ(evaluator(file(operation_bit(change), "/var/lib/holdpoint")).id, "guard:daemon-files");
  }
  EXPECT_EQ(evaluator(file(kWrite, "/proc/sysrq-trigger")).id, "guard:kernel");
  EXPECT_EQ(evaluator(file(kWrite, "/etc/holdpoint/policy.d/1.yaml")).id, "guard:daemon-files");
  EXPECT_EQ(evaluator(file(kCreate, "/run/holdpoint/x")).id, "guard:daemon-files");
  for (const char* installed :
       {"/usr/sbin/holdpointd", "/usr/bin/holdpoint", "/usr/lib/systemd/system/agents.slice",
        "/etc/systemd/system/holdpointd.service.d/evil.conf", "/run/systemd/system/holdpointd.service",
        "/etc/systemd/system/multi-user.target.wants/holdpointd.service", "/etc/tmpfiles.d/holdpoint.conf",
        "/usr/local/lib/systemd/system/holdpointd.service",
        "/etc/systemd/system.control/agents.slice.d/50-x.conf", "/run/systemd/transient/holdpointd.service",
        "/run/systemd/generator.early/holdpointd.service",
        "/run/systemd/generator/holdpointd.service.d/x.conf", "/usr/lib/systemd/system/service.d/x.conf",
        "/etc/systemd/system/slice.d", "/etc/systemd/system/x.target.requires/agents.slice",
        "/etc/systemd/system.conf", "/run/systemd/system.conf.d/x.conf", "/etc/ld.so.preload"}) {
    EXPECT_EQ(evaluator(file(kWrite, installed)).id, "guard:installed") << installed;
    EXPECT_EQ(evaluator(file(kCreate, installed)).id, "guard:installed") << installed;
    EXPECT_EQ(evaluator(read_of(installed)).id, "all") << installed;
  }
  EXPECT_EQ(evaluator(read_of("/var/lib/holdpoint/store.db")).id, "guard:daemon-state");
  EXPECT_EQ(evaluator(socket_of("/run/holdpoint/api.sock")).id, "guard:daemon-sockets");
  EXPECT_EQ(evaluator(socket_of("/var/run/holdpoint/api.sock")).id, "guard:daemon-sockets");
}

TEST(Guard, LeavesOtherAccessesToThePolicy) {
  const Evaluator evaluator(with_rules(kAllowAll));
  EXPECT_EQ(evaluator(read_of("/sys/fs/cgroup/cpu.stat")).id, "all");
  EXPECT_EQ(evaluator(read_of("/etc/holdpoint/policy.d/1.yaml")).id, "all");
  EXPECT_EQ(evaluator(socket_of("/run/other.sock")).id, "all");
  EXPECT_EQ(evaluator(file(kWrite, "/var/lib/holdpoint2/x")).id, "all");
  // What packages install.
  for (const char* other :
       {"/usr/lib/systemd/system/nginx.service", "/usr/lib/systemd/system/nginx.service.d/x.conf",
        "/etc/systemd/system/multi-user.target.wants/nginx.service", "/usr/lib/systemd/system-generators/x",
        "/run/systemd/transient/run-1.service", "/etc/ld.so.conf.d/x.conf", "/etc/ld.so.cache",
        "/etc/systemd/user.conf"})
    EXPECT_EQ(evaluator(file(kCreate, other)).id, "all") << other;
}

TEST(Guard, TheImageSaysWhichRulesNoDisarmingTakesAway) {
  const Evaluator evaluator(with_rules(kAllowAll));
  const auto guards = evaluator.image().guards;
  ASSERT_GT(guards, 0U);
  const auto& rules = evaluator.policy().rules;
  for (std::uint32_t i = 0; i < rules.size(); ++i)
    EXPECT_EQ(rules[i].id.starts_with("guard:"), i < guards) << rules[i].id;
}

// So that a change of two names, one of them the guard's, counts as denied by the guard.
TEST(Guard, AllGuardsDenyBeforeAnyOtherRule) {
  const Evaluator evaluator(with_rules("  - {id: none, on: any, verdict: deny, reason: R}\n"));
  const auto& image = evaluator.image();
  for (std::uint32_t i = 0; i < image.guards; ++i) EXPECT_EQ(image.rules[i].verdict, HP_DENY) << i;
}

TEST(Guard, PathsWithGlobCharactersAreTakenLiterally) {
  GuardPaths paths;
  paths.state_directory = "/srv/[a]*{b}";
  const auto rules = guard_rules(paths);
  const auto state =
      std::find_if(rules.begin(), rules.end(), [](const Rule& r) { return r.id == "guard:daemon-state"; });
  ASSERT_NE(state, rules.end());
  EXPECT_TRUE(glob_matches(state->paths[1].glob, "/srv/[a]*{b}/store.db"));
  EXPECT_FALSE(glob_matches(state->paths[1].glob, "/srv/ax/store.db"));
}

TEST(Guard, NoRuleOfAFileCanTakeAGuardsName) {
  const auto result = check_text(with_rules("  - {id: \"guard:kernel\", on: any, verdict: allow}\n"));
  EXPECT_FALSE(result.policy.has_value());
}

}  // namespace
}  // namespace holdpoint::policy
