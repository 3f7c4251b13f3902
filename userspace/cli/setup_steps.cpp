// SPDX-License-Identifier: Apache-2.0
#include "cli/setup_steps.hpp"

#include "cli/observed_report.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

constexpr const char* kIndent = "                   ";

std::string how_it_starts(const SetupPlan& plan) {
  if (plan.cgroup.empty())
    return "Start it:          holdpoint run --agent " + shell_word(plan.agent) + " -- COMMAND\n";
  std::string out =
      "It is recognised by its cgroup, " + printable(plan.cgroup) + ": restart it if it runs already.\n";
  if (!plan.unit.empty())
    out += "Before that:       " + slice_advice(plan.unit) + "\n" + kIndent + kWhySlice + "\n";
  return out;
}

std::string how_it_is_enforced(const SetupPlan& plan) {
  if (plan.mode == "enforce") return "What waits:        holdpoint requests\n";
  return std::string("What it would be asked or denied, after some hours or days:\n") + kIndent +
         "holdpoint setup --report --agent " + shell_word(plan.agent) +
         "\nThen hold and deny: " + enforce_command(plan.agent) + "\n" + kIndent + kEndWhatBegan + "\n";
}

}  // namespace

std::string next_steps(const SetupPlan& plan) {
  return "\n" + how_it_starts(plan) +
         "Not as root:       usermod -aG holdpoint USER, then log in again: for whoever answers, or uses "
         "`holdpoint run`\n" +
         how_it_is_enforced(plan);
}

}  // namespace holdpoint::cli
