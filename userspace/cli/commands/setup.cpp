// SPDX-License-Identifier: Apache-2.0
// The first day: declares an agent, tries a question, and later tells what would have been asked.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "api/time_text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/observed_report.hpp"
#include "cli/policy_file.hpp"
#include "cli/record_line.hpp"
#include "cli/request_view.hpp"
#include "cli/setup_plan.hpp"
#include "cli/setup_steps.hpp"
#include "cli/setup_test_run.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

struct Wanted {
  SetupPlan plan;
  std::string policy = "coding";
  std::string directory;
  std::string name;  // of the file
};

Failure failure_of(const Error& error) { return {Exit::refused, error.message, error.hint}; }
Failure usage(const std::string& message) { return {Exit::usage, message, "holdpoint help setup"}; }

// Talks to the person, unless --yes does.
class Dialog {
 public:
  explicit Dialog(const Context& context)
      : silent_(context.json()), asks_(!context.arguments.has("yes") && ::isatty(STDIN_FILENO) == 1) {}
  [[nodiscard]] bool asks() const { return asks_; }
  void say(const std::string& text) const {
    if (!silent_) print(text);
  }
  // Empty when nothing, or the end, was typed.
  [[nodiscard]] std::string ask(const std::string& question) const {
    std::fputs(question.c_str(), stderr);
    std::fflush(stderr);
    std::string line;
    std::getline(std::cin, line);
    return line;
  }
  [[nodiscard]] bool agrees(const std::string& question) const {
    if (!asks_) return true;
    const auto answer = ask(question + " [Y/n] ");
    return std::cin.good() && (answer.empty() || answer[0] == 'y' || answer[0] == 'Y');
  }

 private:
  bool silent_;
  bool asks_;
};

Answer<void> take_unit(SetupPlan& plan, const std::string& unit) {
  const auto pattern = cgroup_of_unit(unit);
  if (!pattern) return std::unexpected(usage(pattern.error()));
  plan.unit = unit;
  plan.cgroup = *pattern;
  return {};
}

// --unit, --cgroup or --run.
Answer<void> read_cgroup(const Arguments& arguments, SetupPlan& plan) {
  const auto unit = arguments.value("unit");
  const auto cgroup = arguments.value("cgroup");
  if (int{unit.has_value()} + int{cgroup.has_value()} + int{arguments.has("run")} > 1)
    return std::unexpected(usage("--unit, --cgroup and --run exclude each other"));
  if (cgroup && !cgroup->starts_with('/'))
    return std::unexpected(usage("--cgroup is a pattern such as /agents.slice/coder-*"));
  if (cgroup) plan.cgroup = *cgroup;
  if (unit) return take_unit(plan, *unit);
  return {};
}

Answer<Wanted> read_flags(const Context& context) {
  const auto& arguments = context.arguments;
  Wanted wanted;
  wanted.plan.agent = arguments.value("agent").value_or("");
  wanted.policy = arguments.value("policy").value_or("coding");
  wanted.plan.mode = arguments.value("mode").value_or("observe");
  if (wanted.plan.mode != "observe" && wanted.plan.mode != "enforce")
    return std::unexpected(usage("--mode " + wanted.plan.mode + " is neither observe nor enforce"));
  if (auto read = read_cgroup(arguments, wanted.plan); !read) return std::unexpected(read.error());
  return wanted;
}

// What the flags left open.
Answer<void> ask_for_rest(const Context& context, const Dialog& dialog, Wanted& wanted) {
  const auto& arguments = context.arguments;
  if (!dialog.asks()) {
    if (wanted.plan.agent.empty()) return std::unexpected(usage("--agent NAME is missing"));
    if (!arguments.has("yes"))
      return std::unexpected(usage("this is no terminal: --yes says that nobody is to be asked"));
    return {};
  }
  if (wanted.plan.agent.empty()) wanted.plan.agent = dialog.ask("Name of the agent (a-z, 0-9, -): ");
  if (wanted.plan.agent.empty()) return std::unexpected(usage("the agent needs a name"));
  if (!arguments.has("unit") && !arguments.has("cgroup") && !arguments.has("run")) {
    const auto unit = dialog.ask("systemd unit that it runs as (empty: you start it by `holdpoint run`): ");
    if (!unit.empty())
      if (auto taken = take_unit(wanted.plan, unit); !taken) return taken;
  }
  if (!arguments.has("mode") &&
      !dialog.agrees(
          std::string("Observed, what its rules would hold or deny goes on, and the log says so.\n") +
          kStillRefused + "\nOnly observe it at first?"))
    wanted.plan.mode = "enforce";
  return {};
}

// Where the file goes. The daemon says which directory it reads.
Answer<void> find_place(const Context& context, Wanted& wanted) {
  const auto health = context.client.get("/v1/health");
  if (!health) return std::unexpected(health.error());
  wanted.directory = field(child(*health, "policy"), "directory");
  const auto files = policy_files(wanted.directory);
  if (!files) return std::unexpected(failure_of(files.error()));
  wanted.name = drop_in_name(*files, wanted.plan.agent);
  wanted.plan.path = wanted.directory + "/" + wanted.name;
  return {};
}

// The daemon was to read the file. What it refused does not stay; where it is not known what it did, the file may be in force.
Failure not_loaded(const Failure& failure, const std::string& path) {
  if (failure.status / 100 == 4) {
    ::unlink(path.c_str());
    return failure;
  }
  return {failure.exit,
          failure.message + "; " + path + " is written, and it is not known whether the daemon reads it",
          (failure.hint.empty() ? "" : failure.hint + "; ") +
              "holdpoint log --since 5m says so; to read it: systemctl reload holdpointd; or remove it first",
          failure.status};
}

// Checked by the daemon first, then put in place, then read by it.
Answer<void> declare(const Context& context, const Wanted& wanted) {
  const auto policy = read_policy(wanted.policy);
  if (!policy) return std::unexpected(failure_of(policy.error()));
  const auto text = drop_in(wanted.plan, *policy);
  if (!text)
    return std::unexpected(Failure{Exit::refused, wanted.policy + ": " + text.error(),
                                   "write the file by hand: holdpoint-policy(5)"});
  const auto checked = context.client.post("/v1/policy/check", {{"file", wanted.name}, {"text", *text}});
  if (!checked) return std::unexpected(checked.error());
  if (auto placed = place_policy(wanted.directory, wanted.name, *text); !placed)
    return std::unexpected(failure_of(placed.error()));
  const auto loaded = context.client.post("/v1/policy/reload", nlohmann::json::object());
  if (loaded) return {};
  return std::unexpected(not_loaded(loaded.error(), wanted.plan.path));
}

struct Tried {
  std::string request;
  bool approved = false;
  bool passed = false;  // the process could read the file
};

Answer<Tried> try_out(const Context& context, const Dialog& dialog, const Wanted& wanted) {
  auto test = SetupTest::start(context, wanted.plan.agent, wanted.plan.path);
  if (!test) return std::unexpected(test.error());
  const auto request = test->wait_for_request(context.client, wanted.plan.agent);
  if (!request) return std::unexpected(request.error());
  dialog.say("A process of the agent wants to read that file, and is held in the middle of the call:\n\n" +
             draw_queue({*request}, context.now(), context.terminal) + "\n");
  Tried tried{field(*request, "id"), dialog.agrees("Approve it?"), false};
  const auto decided = context.client.post("/v1/requests/" + encode(tried.request) + "/decision",
                                           {{"decision", tried.approved ? "approve" : "deny"},
                                            {"reason", "test of holdpoint setup"},
                                            {"digest", field(*request, "digest")}});
  if (!decided) return std::unexpected(decided.error());
  const auto passed = test->wait();
  if (!passed)
    return std::unexpected(
        Failure{Exit::timed_out, "the test process does not end", "holdpoint log --since 5m"});
  tried.passed = *passed;
  return tried;
}

std::string outcome_text(const Tried& tried) {
  if (tried.approved && tried.passed)
    return "Approved: the same call went on, and the process read the file without noticing that it had "
           "waited.\n";
  if (!tried.approved && !tried.passed)
    return "Denied: the same call failed with EPERM, and the process ended with an error.\n";
  return "That is not what was to be expected: holdpoint log --since 5m says what happened.\n";
}

Exit report(const Context& context) {
  const auto filter = RecordFilter::from(context.arguments, context.now());
  if (!filter) return fail(usage(filter.error()));
  ObservedReport found;
  std::uint64_t last = 0;
  for (;;) {
    const auto page = context.client.get("/v1/records?limit=1000&after=" + std::to_string(last));
    if (!page) return fail(page.error());
    for (const auto& record : page->at("records")) {
      if (!filter->takes(record)) continue;
      if (!filter->since) found.begin_anew(record);
      found.add(record);
    }
    const std::uint64_t next = page->value("last", last);
    if (next == last) break;
    last = next;
  }
  if (context.json()) print_json(found.as_json());
  else if (found.empty()) print("Nothing would have been asked or denied.\n");
  else print(found.draw(context.terminal));
  return Exit::ok;
}

}  // namespace

Exit run_setup(const Context& context) {
  if (context.arguments.has("report")) return report(context);
  if (context.arguments.has("since")) return fail(usage("--since belongs to --report"));
  if (::geteuid() != 0)
    return fail({Exit::not_allowed, "only root declares an agent", "sudo holdpoint setup"});
  const Dialog dialog(context);
  auto wanted = read_flags(context);
  if (!wanted) return fail(wanted.error());
  if (auto asked = ask_for_rest(context, dialog, *wanted); !asked) return fail(asked.error());
  if (auto found = find_place(context, *wanted); !found) return fail(found.error());
  dialog.say(fmt::format("Agent {}, policy {}, mode {}.\nThe file: {}\n", printable(wanted->plan.agent),
                         printable(wanted->policy), wanted->plan.mode, printable(wanted->plan.path)));
  if (!dialog.agrees("Write it, and have the daemon read it?"))
    return fail({Exit::refused, "nothing was written", ""});
  if (auto declared = declare(context, *wanted); !declared) return fail(declared.error());
  dialog.say("It is in force. Now a test.\n\n");
  const auto tried = try_out(context, dialog, *wanted);
  if (!tried) return fail(tried.error());
  const bool good = tried->approved == tried->passed;
  dialog.say(outcome_text(*tried) + next_steps(wanted->plan));
  if (context.json())
    print_json({{"agent", wanted->plan.agent},
                {"file", wanted->plan.path},
                {"mode", wanted->plan.mode},
                {"request", tried->request},
                {"approved", tried->approved},
                {"passed", tried->passed}});
  return good ? Exit::ok : Exit::refused;
}

}  // namespace holdpoint::cli
