// SPDX-License-Identifier: Apache-2.0
// Doctor names as doors what the policy for coding agents asks about, and says that this policy does: each list has the other's.
#include "doctor/sockets.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <fstream>
#include <ranges>
#include <set>
#include <sstream>

#include "unit/policy/fixture.hpp"

namespace holdpoint::doctor {
namespace {

// Rules about sockets through which nobody is made to act.
const std::set<std::string> kNoControl = {
    "screen-of-a-person",  // denied, and every desktop has them: nothing for an administrator to close
    "sound-and-camera",    // hears and sees, and obeys nobody
    "database-sockets",    // what a database lets its caller do is its own matter
};
// Patterns of other rules that doctor does not look for.
const std::set<std::string> kNoDoor = {
    "/run/dbus/system_bus_socket",  // every user may write to it, on every host; polkit says who may do what
    "/run/snapd*.socket",           // the same
    "/run/systemd/private",         // every user may connect to it; systemd obeys root only
};

std::string policy_text() {
  std::ifstream in(std::string(HOLDPOINT_POLICIES) + "/coding.yaml");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// A pattern without its braces, each alternative by itself.
std::vector<std::string> expand(const std::string& pattern) {
  const auto open = pattern.find('{');
  if (open == std::string::npos) return {pattern};
  const auto close = pattern.find('}', open);
  std::vector<std::string> all;
  for (const auto part : std::views::split(pattern.substr(open + 1, close - open - 1), ','))
    for (const std::string& rest : expand(pattern.substr(close + 1)))
      all.push_back(pattern.substr(0, open) + std::string(part.begin(), part.end()) + rest);
  return all;
}

// A path that it matches.
std::string sample(std::string pattern) {
  for (const auto& [from, to] : {std::pair{"[0-9]", "1"}, std::pair{"*", "x"}})
    for (std::size_t at = 0; (at = pattern.find(from, at)) != std::string::npos;)
      pattern.replace(at, std::string(from).size(), to);
  return pattern;
}

std::vector<KnownSocket> known() {
  std::vector<KnownSocket> all(kServiceSockets.begin(), kServiceSockets.end());
  all.insert(all.end(), kPersonalSockets.begin(), kPersonalSockets.end());
  return all;
}

bool is_known(const std::string& path) {
  return std::ranges::any_of(known(), [&](const KnownSocket& one) {
    return std::ranges::any_of(expand("/" + std::string(one.pattern)), [&](const std::string& pattern) {
      return ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
    });
  });
}

TEST(DoctorSockets, EachThatThePolicyAsksAboutIsKnown) {
  const auto checked = policy::must_check(policy_text());
  unsigned compared = 0;
  for (const auto& rule : checked.rules) {
    if (rule.verdict == HP_ALLOW || kNoControl.contains(rule.id)) continue;
    for (const auto& socket : rule.sockets) {
      // Abstract ones are no files; /var/run is a link to /run.
      if (socket.text.starts_with('@') || socket.text.starts_with("/var/run/") ||
          kNoDoor.contains(socket.text))
        continue;
      for (const std::string& pattern : expand(socket.text)) {
        ++compared;
        EXPECT_TRUE(is_known(sample(pattern))) << rule.id << ": " << pattern;
      }
    }
  }
  EXPECT_GT(compared, 50U);
}

TEST(DoctorSockets, ThePolicyAsksAboutEachThatIsKnown) {
  const policy::Evaluator evaluator(policy_text());
  for (const KnownSocket& one : known()) {
    for (const std::string& pattern : expand("/" + std::string(one.pattern))) {
      const std::string path = sample(pattern);
      EXPECT_EQ(evaluator(policy::socket_of(path)).verdict, HP_ASK) << path;
    }
  }
}

}  // namespace
}  // namespace holdpoint::doctor
