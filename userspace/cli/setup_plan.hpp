// SPDX-License-Identifier: Apache-2.0
// What `holdpoint setup` writes: the one policy file that declares an agent. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace holdpoint::cli {

struct SetupPlan {
  std::string agent;
  std::string cgroup;  // pattern; empty: only what `holdpoint run` starts
  std::string mode = "observe";
  std::string path;    // of the file itself: its test rule asks about reading it
  std::string unit{};  // whose cgroup it is; empty: none was named
};

// The pattern of a unit's cgroup. Error: one sentence.
[[nodiscard]] std::expected<std::string, std::string> cgroup_of_unit(const std::string& unit);
// A unit elsewhere is neither ordered behind the daemon nor refused without the guard: how it gets into agents.slice, and why.
[[nodiscard]] std::string slice_advice(const std::string& unit);
inline constexpr const char* kWhySlice =
    "or it can run unguarded where holdpointd is not up yet at boot, or does not start";
// A name for the file behind all `files` of the directory: agents keep their order, and the new one comes last.
[[nodiscard]] std::string drop_in_name(const std::vector<std::string>& files, const std::string& agent);
// Id of the rule that the test meets.
[[nodiscard]] std::string test_rule(const std::string& agent);
// The file: `policy` (a policy file that declares one agent and its rules, as coding.yaml does) for the agent of the plan. Error: one
// sentence; the file has another form.
[[nodiscard]] std::expected<std::string, std::string> drop_in(const SetupPlan& plan, std::string_view policy);

}  // namespace holdpoint::cli
