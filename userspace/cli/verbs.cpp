// SPDX-License-Identifier: Apache-2.0
// The table of verbs. Words here are also what `help` prints and what completion offers.
#include <array>

#include "cli/command.hpp"
#include "cli/commands/commands.hpp"

namespace holdpoint::cli {
namespace {

constexpr Option json_option{"json", "", "print JSON for programs"};
constexpr std::array common{
    Option{"socket", "PATH", "the daemon's socket (else HOLDPOINT_SOCKET, else /run/holdpoint/api.sock)"},
    Option{"help", "", "say how this verb is used"},
};

std::vector<Verb> asking() {
  return {
      {"requests",
       "what waits for an answer",
       "",
       "Lists open requests, oldest first, each with the time that is left until it is denied by itself.",
       {{"all", "", "also those that are over, with how they ended"},
        {"agent", "NAME", "only this agent's"},
        {"session", "ID", "only this session's"}},
       0,
       0,
       false,
       run_requests},
      {"show",
       "all there is to know about one request",
       "ID",
       "Shows what is attempted, by whom, under which rule, and what happens if nobody answers.\n"
       "With --wait it first waits until the request is over: exit code 0 approved, 1 any other end, 7 timed "
       "out.",
       {{"wait", "", "wait until it is no longer open"},
        {"timeout", "TIME", "how long to wait, such as 90s (default 1h)"}},
       1,
       1,
       false,
       run_show},
      {"approve",
       "let a request through",
       "ID",
       "Approves exactly what `holdpoint show ID` shows. Scope once (the default) covers the calls that wait "
       "now;\n"
       "session and duration also let the same action through again later, in the same session only.",
       {{"scope", "SCOPE", "once, session or duration"},
        {"for", "TIME", "how long, such as 30m; means --scope duration"},
        {"reason", "TEXT", "why; goes to the log"}},
       1,
       1,
       false,
       run_approve},
      {"deny",
       "refuse a request",
       "ID",
       "The held calls fail with EPERM.",
       {{"reason", "TEXT", "why; goes to the log and is needed"}},
       1,
       1,
       false,
       run_deny},
      {"grants",
       "approvals that still hold",
       "",
       "Lists what was approved for a session or for a time.",
       {{"all", "", "also those that are over"}},
       0,
       0,
       false,
       run_grants},
      {"revoke",
       "end a grant",
       "ID",
       "From now on the same action is asked about again.",
       {},
       1,
       1,
       false,
       run_revoke},
  };
}

std::vector<Verb> watching() {
  return {
      {"watch",
       "live: what agents do and what people answer",
       "",
       "Prints the open requests, then a line for each thing that happens, until interrupted.",
       {{"agent", "NAME", "only this agent's"}, {"session", "ID", "only this session's"}},
       0,
       0,
       false,
       run_watch},
      {"log",
       "what happened",
       "",
       "Prints the records of the log, oldest first.",
       {{"follow", "", "go on with what comes, until interrupted"},
        {"since", "TIME", "from then on: a time back such as 2h, or 2026-01-31T08:00:00Z"},
        {"agent", "NAME", "only this agent's"},
        {"session", "ID", "only this session's"},
        {"request", "ID", "only this request's"}},
       0,
       0,
       false,
       run_log},
      {"status",
       "is Holdpoint well?",
       "",
       "Exit code 0 when the daemon enforces and has no problem to tell, 1 otherwise, 3 when no daemon "
       "answers.",
       {},
       0,
       0,
       false,
       run_status},
  };
}

std::vector<Verb> caring() {
  return {
      {"doctor",
       "can this host do it, and which doors stand open?",
       "",
       "Looks at kernel, security modules and cgroups, and at ways round the guard such as the docker "
       "group.\n"
       "Needs no daemon; root sees all of it. Exit code 0 when nothing is missing, 1 when something is, 9 "
       "when "
       "too little could be seen to say so (in JSON: able is null). A door does not change it.",
       {},
       0,
       0,
       false,
       run_doctor},
      {"metrics",
       "what is counted, for Prometheus",
       "",
       "Prints the daemon's counters in Prometheus' text format. When no daemon answers, holdpoint_up is 0 "
       "and "
       "the exit\n"
       "code 3.",
       {{"write", "FILE", "replace FILE by it in one step, as node_exporter's textfile collector needs"}},
       0,
       0,
       false,
       run_metrics,
       false},
  };
}

std::vector<Verb> operating() {
  return {
      {"lockdown",
       "stop agents at once",
       "[--agent NAME | --session ID] [--release]",
       "Refuses everything that an agent, a session, or (with neither) any agent tries, denies what waits "
       "there, "
       "and\n"
       "freezes its processes, until it is released: over restarts, and for sessions that begin later. Root "
       "only.",
       {{"agent", "NAME", "only this agent"},
        {"session", "ID", "only this session"},
        {"reason", "TEXT", "why; goes to the log"},
        {"release", "", "let go of who was stopped by the same words"}},
       0,
       0,
       false,
       run_lockdown},
      {"disarm",
       "let pass for a time what the rules deny or ask about",
       "--for TIME --reason TEXT",
       "What passes is logged. Holdpoint's own protection stays, lockdowns stay, and what waits already goes "
       "on "
       "waiting.\n"
       "The kernel arms the rules again by itself when the time is over. Root only.",
       {{"for", "TIME", "how long, such as 15m; at most 24h; needed"},
        {"reason", "TEXT", "why; goes to the log; needed"}},
       0,
       0,
       false,
       run_disarm},
      {"arm",
       "arm the rules again now",
       "",
       "Ends what `holdpoint disarm` began. Root only.",
       {},
       0,
       0,
       false,
       run_arm},
  };
}

std::vector<Verb> ruling() {
  return {
      {"mode",
       "what is enforced, and what is only observed",
       "[AGENT [RULE] [observe|enforce|policy]]",
       "Without a mode it lists the agents and the rules that have a mode of their own; with AGENT, all of "
       "its rules.\n"
       "observe lets go on what the rules would hold or deny, and says so in the log; enforce holds and "
       "denies; policy\n"
       "takes back what was said here, so that the policy files count. observe and policy are for root "
       "only. A rule's own\n"
       "mode wins over its agent's. What is held already stays a question until somebody answers it.",
       {{"reason", "TEXT", "why; goes to the log, and observe needs it"}},
       0,
       3,
       false,
       run_mode},
      {"setup",
       "the first day: declare an agent, and try a question",
       "[--agent NAME] [--report]",
       "Writes one policy file for a new agent, has the daemon read it, and shows a question by a process of "
       "that "
       "agent.\n"
       "On a terminal it asks for what is not given. With --report it tells instead what would have been "
       "asked or "
       "denied\n"
       "of agents that are only observed, by rule. Root only, but for --report.",
       {{"agent", "NAME", "the agent's name; with --report only its records"},
        {"unit", "UNIT", "it is the systemd unit of this name"},
        {"cgroup", "PATTERN", "it is what runs in cgroups of this pattern"},
        {"run", "", "it is what `holdpoint run` starts, and nothing else (the default)"},
        {"policy", "POLICY", "a shipped policy (coding, the default), or the path of one of its form"},
        {"mode", "MODE", "observe (the default) or enforce"},
        {"yes", "", "ask nobody: write the file, and approve the test"},
        {"report", "", "what would have been asked or denied"},
        {"since", "TIME",
         "with --report: from then on (default: since it was switched to observe, or the whole log)"}},
       0,
       0,
       false,
       run_setup},
  };
}

std::vector<Verb> sessions() {
  return {
      {"run",
       "run a command as an agent",
       "--agent NAME -- COMMAND [ARGUMENT...]",
       "Starts COMMAND in a session of its own. The exit code is the command's (128 + signal number when a "
       "signal ended\n"
       "it), 126 when it cannot be executed, 127 when it does not exist, 125 when Holdpoint did not start "
       "it.",
       {{"agent", "NAME", "which agent it is; needed"},
        {"for", "WHO", "on whose behalf; shown as claimed"},
        {"purpose", "TEXT", "what for; shown as claimed"},
        {"label", "K=V", "a label that rules may match", true}},
       0,
       0,
       true,
       run_run,
       false},
      {"tag",
       "make something that runs an agent's session",
       "CGROUP|UNIT|PID --agent NAME",
       "Tags a cgroup (/system.slice/x.service), a systemd unit (x.service) or the cgroup of a process "
       "(4711), with all\n"
       "that runs in it. Root only.",
       {{"agent", "NAME", "which agent it is; needed"}},
       1,
       1,
       false,
       run_tag},
      {"untag",
       "end a session",
       "SESSION",
       "Its processes are free again and its requests are cancelled. Root only.",
       {},
       1,
       1,
       false,
       run_untag},
      {"sessions",
       "agents at work",
       "",
       "Lists the sessions that are alive.",
       {{"all", "", "also those that ended"}},
       0,
       0,
       false,
       run_sessions},
  };
}

}  // namespace

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> table = [] {
    std::vector<Verb> all = asking();
    for (auto more : {watching(), operating(), caring(), ruling(), sessions()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return table;
}

const Verb* find_verb(std::string_view name) {
  for (const Verb& verb : verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

std::vector<Option> options_of(const Verb& verb) {
  std::vector<Option> all(verb.options);
  if (verb.json) all.push_back(json_option);
  all.insert(all.end(), common.begin(), common.end());
  return all;
}

}  // namespace holdpoint::cli
