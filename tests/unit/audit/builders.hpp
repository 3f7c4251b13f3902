// SPDX-License-Identifier: Apache-2.0
// Requests, grants and sessions for the tests of records.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "audit/log.hpp"
#include "audit/record.hpp"

namespace holdpoint::audit::testing_values {

inline Now at(std::int64_t seconds) {
  return {WallTime(std::chrono::seconds(seconds)),
          BootTime{static_cast<std::uint64_t>(seconds) * 1'000'000'000}};
}

inline approval::Hold hold(std::uint64_t id) {
  approval::Hold out;
  out.id = id;
  out.tid = 4712;
  out.tgid = 4711;
  out.start_time = 99;
  return out;
}

inline approval::Request request() {
  approval::Request out;
  out.id = "r-17";
  out.digest = "00ff";
  out.session = 12;
  out.agent = "coder";
  out.rule = {"ssh-keys", "private keys are for people", 3, std::chrono::minutes(15)};
  event::Access access;
  access.fixed.identity.operations = 1U << HP_OP_READ;
  access.path = "/home/ada/.ssh/id_ed25519";
  out.access = event::mask(access, {4711, "/usr/bin/cat", "/home/ada", {{1, "init"}}}, {}, {});
  out.comm = event::mask("cat");
  out.tgid = 4711;
  out.uid = 1000;
  out.created = WallTime(std::chrono::seconds(100));
  out.deadline = WallTime(std::chrono::seconds(1000));
  out.holds = {hold(5), hold(6)};
  return out;
}

inline approval::Request decided_request(bool approve) {
  auto out = request();
  approval::Decision decision;
  decision.approve = approve;
  decision.reason = event::mask("needed for the deploy");
  decision.by = {"unix", "1001", "grace"};
  decision.channel = "unix-api";
  out.decision = decision;
  return out;
}

inline approval::Grant grant() {
  approval::Grant out;
  out.id = "g-3";
  out.request = "r-17";
  out.digest = "00ff";
  out.session = 12;
  out.agent = "coder";
  out.not_after = WallTime(std::chrono::seconds(5000));
  out.by = {"unix", "1001", "grace"};
  out.object = event::mask("/home/ada/.ssh/id_ed25519");
  out.operation = "read";
  return out;
}

inline approval::Session session() {
  approval::Session out;
  out.id = 12;
  out.agent = "coder";
  out.cgroup_path = "/agents.slice/a.scope";
  out.recognised_by = "run";
  out.owner = {"unix", "1000", "ada"};
  out.claims.on_behalf_of = event::mask("ada");
  out.claims.purpose = event::mask("fix the build");
  out.claims.labels = {{"environment", "production"}, {"branch", "main"}};
  return out;
}

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdpoint-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Origin origin() { return {event::mask("host1"), "boot-1"}; }

}  // namespace holdpoint::audit::testing_values
