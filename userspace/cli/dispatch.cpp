// SPDX-License-Identifier: Apache-2.0
#include "cli/dispatch.hpp"

#include <fmt/format.h>

#include <clocale>
#include <cstdlib>

#include "api/server.hpp"
#include "cli/help.hpp"

namespace holdpoint::cli {
namespace {

int code(Exit exit) { return static_cast<int>(exit); }

std::string socket_path(const Arguments& arguments) {
  if (auto given = arguments.value("socket")) return *given;
  const char* set = std::getenv("HOLDPOINT_SOCKET");
  return set != nullptr && *set != '\0' ? set : api::default_socket;
}

Exit unknown_verb(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.push_back(verb.name);
  const std::string near = nearest(name, names);
  return fail({Exit::usage, fmt::format("there is no verb \"{}\"", name),
               near.empty() ? "holdpoint help lists them" : fmt::format("did you mean: holdpoint {}", near)});
}

Exit help(const std::vector<std::string>& words) {
  if (words.empty()) {
    print(overview());
    return Exit::ok;
  }
  const Verb* verb = find_verb(words.front());
  if (verb == nullptr) return unknown_verb(words.front());
  print(help_for(*verb));
  return Exit::ok;
}

Exit run_verb(const Verb& verb, const std::vector<std::string>& words) {
  const std::vector<Option> options = options_of(verb);
  const auto arguments =
      parse_arguments(words, Shape{options, verb.least, verb.most, verb.takes_command, verb.usage});
  if (!arguments) {
    return fail({Exit::usage, arguments.error(),
                 fmt::format("usage: {}; more: holdpoint help {}", usage_line(verb), verb.name)});
  }
  if (arguments->has("help")) {
    print(help_for(verb));
    return Exit::ok;
  }
  const Client client(socket_path(*arguments));
  const Terminal terminal = find_terminal();
  const SystemClock clock;
  try {
    return verb.run(Context{*arguments, client, terminal, clock});
  } catch (
      const nlohmann::json::exception&) {  // the one library here that throws at an answer of another shape
    return fail({Exit::unreachable, "holdpointd's answer has another shape than expected",
                 "are holdpoint and holdpointd of the same version?"});
  }
}

}  // namespace

int dispatch(int count, char** words) {
  std::setlocale(LC_CTYPE, "C.UTF-8");  // for the widths of characters
  std::vector<std::string> all(words + 1, words + count);
  if (all.empty()) {
    const std::string text = overview();
    std::fwrite(text.data(), 1, text.size(), stderr);
    return code(Exit::usage);
  }
  const std::string name = all.front();
  all.erase(all.begin());
  if (name == "help" || name == "--help" || name == "-h") return code(help(all));
  if (name == "--version" || name == "version") {
    print("holdpoint " HOLDPOINT_VERSION "\n");
    return code(Exit::ok);
  }
  const Verb* verb = find_verb(name);
  if (verb == nullptr) return code(unknown_verb(name));
  return code(run_verb(*verb, all));
}

}  // namespace holdpoint::cli
