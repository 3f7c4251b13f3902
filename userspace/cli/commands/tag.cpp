// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "cli/commands/commands.hpp"
#include "cli/text.hpp"

namespace holdpoint::cli {

Exit run_tag(const Context& context) {
  const auto agent = context.arguments.value("agent");
  if (!agent) return fail({Exit::usage, "--agent NAME is missing", "which agent is it?"});
  const std::string& target = context.arguments.positional.front();
  nlohmann::json body{{"agent", *agent}};
  int pid = 0;
  const auto [end, code] = std::from_chars(target.data(), target.data() + target.size(), pid);
  if (code == std::errc{} && end == target.data() + target.size() && pid > 0) {
    body["pid"] = pid;
  } else if (target.starts_with("/")) {
    body["cgroup"] = target.starts_with("/sys/fs/cgroup/") ? target.substr(14) : target;
  } else {
    body["unit"] = target;
  }
  const auto session = context.client.post("/v1/tags", body);
  if (!session) return fail(session.error());
  if (context.json()) {
    print_json(*session);
  } else {
    print(fmt::format("Tagged {} as agent {}: session {}\n", printable(field(*session, "cgroup")),
                      printable(field(*session, "agent")), field(*session, "id")));
  }
  return Exit::ok;
}

}  // namespace holdpoint::cli
