// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace holdpoint::config {
namespace {

struct Option {
  std::string_view name;
  std::string Config::* field;
  bool path;
  std::string_view help;
};

constexpr std::array<Option, 7> kOptions = {{
    {"--policies", &Config::policy_directory, true, "directory of policy files (*.yaml)"},
    {"--config", &Config::config_directory, true, "configuration directory, protected from agents"},
    {"--state", &Config::state_directory, true, "directory of store and record log"},
    {"--runtime", &Config::runtime_directory, true, "directory of the API socket"},
    {"--pins", &Config::pin_directory, true, "directory below a bpffs for programs and maps"},
    {"--group", &Config::group, false, "group that may use the API besides root"},
    {"--sessions", &Config::session_cgroup, true, "cgroup below which `holdpoint run` makes sessions"},
}};

const Option* find(std::string_view name) {
  for (const auto& option : kOptions)
    if (option.name == name) return &option;
  return nullptr;
}

bool is_action(std::string_view word, Action& action) {
  if (word == "--check") action = Action::check;
  else if (word == "--unload") action = Action::unload;
  else if (word == "--help" || word == "-h") action = Action::help;
  else if (word == "--version") action = Action::version;
  else return false;
  return true;
}

}  // namespace

Result<CommandLine> parse_command_line(int count, const char* const* arguments) {
  CommandLine line;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = arguments[i];
    if (is_action(word, line.action)) continue;
    const Option* option = find(word);
    if (option == nullptr) return fail("unknown option " + std::string(word), "holdpointd --help lists them");
    if (i + 1 >= count) return fail(std::string(word) + " needs a value");
    std::string value = arguments[++i];
    if (option->path && (value.empty() || value.front() != '/'))
      return fail(std::string(word) + " needs an absolute path, not \"" + value + "\"");
    while (option->path && value.size() > 1 && value.back() == '/') value.pop_back();
    line.config.*(option->field) = std::move(value);
  }
  return line;
}

std::string usage() {
  std::string text =
      "holdpointd: asks a person before an agent's action goes on\n\n"
      "  holdpointd [options]            run in the foreground; logs to standard error\n"
      "  holdpointd --check [options]    check the policy files and stop\n"
      "  holdpointd --unload [options]   deny all holds, detach from the kernel, remove the pins\n\n";
  const Config defaults;
  for (const auto& option : kOptions) {
    std::string row = "  " + std::string(option.name);
    row.resize(16, ' ');
    text += row + std::string(option.help) + " [" + defaults.*(option.field) + "]\n";
  }
  return text +
         "\nExit: 0 ok, 1 failed, 2 usage, 3 policy has errors, 4 another daemon is running,\n"
         "      5 the kernel lacks what is needed, or another version is in it\n";
}

}  // namespace holdpoint::config
