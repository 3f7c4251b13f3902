// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {
namespace {

// Whom it is about, as the API wants it, as a query of the API, and in words.
struct Whom {
  nlohmann::json body;
  std::string query;
  std::string words;
};

std::expected<Whom, Failure> read_whom(const Arguments& arguments) {
  const auto agent = arguments.value("agent");
  const auto session = arguments.value("session");
  if (agent && session)
    return std::unexpected(Failure{Exit::usage, "--agent and --session exclude each other",
                                   "a session is one run of an agent; without either it is everybody"});
  if (agent)
    return Whom{nlohmann::json::object({{"scope", "agent"}, {"agent", *agent}}),
                "?scope=agent&agent=" + encode(*agent), "agent " + *agent};
  if (!session) return Whom{nlohmann::json::object({{"scope", "all"}}), "?scope=all", "every agent"};
  const bool number = !session->empty() && session->size() < 19 &&
                      session->find_first_not_of("0123456789") == std::string::npos;
  if (!number)
    return std::unexpected(Failure{Exit::usage, "--session " + *session + " is not a session's number",
                                   "holdpoint sessions lists them"});
  return Whom{nlohmann::json::object({{"scope", "session"}, {"session", std::stoull(*session)}}),
              "?scope=session&session=" + *session, "session " + *session};
}

Exit release(const Context& context, const Whom& whom) {
  if (context.arguments.has("reason"))
    return fail({Exit::usage, "--reason belongs to a lockdown, not to its release", ""});
  if (const auto done = context.client.remove("/v1/lockdown" + whom.query); !done) return fail(done.error());
  if (context.json()) print_json({{"released", whom.body}});
  else print(fmt::format("Released {}: it goes on under its rules.\n", printable(whom.words)));
  return Exit::ok;
}

}  // namespace

Exit run_lockdown(const Context& context) {
  auto whom = read_whom(context.arguments);
  if (!whom) return fail(whom.error());
  if (context.arguments.has("release")) return release(context, *whom);
  if (const auto reason = context.arguments.value("reason")) whom->body["reason"] = *reason;
  const auto made = context.client.post("/v1/lockdown", whom->body);
  if (!made) return fail(made.error());
  if (context.json()) {
    print_json(*made);
  } else {
    print(fmt::format("{}: what it tries is refused, what waited is denied, and its processes are frozen.\n",
                      context.terminal.paint(Colour::red, "Locked down " + printable(whom->words))));
  }
  return Exit::ok;
}

}  // namespace holdpoint::cli
