// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/commands.hpp"
#include "cli/relay.hpp"

namespace holdpoint::cli {
namespace {

// The labels as JSON. Error: one that is not K=V.
Answer<nlohmann::json> read_labels(const Context& context) {
  nlohmann::json labels = nlohmann::json::object();
  for (const std::string& label : context.arguments.values("label")) {
    const std::size_t equals = label.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return std::unexpected(
          Failure{Exit::usage, "--label " + label + " is not KEY=VALUE", "such as --label env=production"});
    }
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return labels;
}

// Whatever it was: the command did not run, and its own exit codes must not be taken for ours.
Exit not_started(const Failure& failure) {
  fail(failure);
  return Exit::run_failed;
}

}  // namespace

Exit run_run(const Context& context) {
  const auto agent = context.arguments.value("agent");
  if (!agent)
    return fail({Exit::usage, "--agent NAME is missing", "usage: holdpoint run --agent NAME -- COMMAND"});
  const auto labels = read_labels(context);
  if (!labels) return fail(labels.error());
  auto relay = Relay::start(context.arguments.command);
  if (!relay) return not_started({Exit::run_failed, relay.error().message, ""});
  nlohmann::json body{{"agent", *agent}, {"pid", relay->child()}, {"labels", *labels}};
  if (const auto who = context.arguments.value("for")) body["on_behalf_of"] = *who;
  if (const auto purpose = context.arguments.value("purpose")) body["purpose"] = *purpose;
  if (const auto session = context.client.post("/v1/sessions", body); !session)
    return not_started(session.error());
  return static_cast<Exit>(relay->run());
}

}  // namespace holdpoint::cli
