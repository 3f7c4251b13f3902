// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "doctor/examine.hpp"

namespace holdpoint::doctor {
namespace {

using ::testing::HasSubstr;

Host empty() {
  Host host;
  host.release = "6.12.1-amd64";
  host.root = true;
  return host;
}

std::string all(const Host& host) {
  std::string text;
  for (const Finding& finding : find_doors(host))
    text += std::string(word(finding.kind)) + ": " + finding.subject + ": " + finding.text + "\n";
  return text;
}

TEST(Doors, AHostWithoutAnyHasNone) { EXPECT_EQ(all(empty()), ""); }

TEST(Doors, AGroupThatIsAsGoodAsRootIsOneWhenSomebodyIsInIt) {
  Host host = empty();
  host.groups = {{"docker", 998, {"ada", "bob"}}, {"lxd", 997, {}}, {"audio", 29, {"ada"}}};
  EXPECT_EQ(all(host), "door: Group: whoever is in docker is as good as root: ada, bob\n");
}

TEST(Doors, AServicesSocketIsOneForWhomItsModeLetsIn) {
  Host host = empty();
  host.groups = {{"docker", 998, {}}};
  host.services = {{"/run/docker.sock", "Docker", 0, 998, 0660}};
  EXPECT_EQ(all(host), "door: Socket: /run/docker.sock (Docker) obeys the group docker, as root\n");
  host.services[0].mode = 0600;
  EXPECT_EQ(all(host), "") << "root alone";
  host.services[0].mode = 0666;
  EXPECT_THAT(all(host), HasSubstr("obeys every user"));
  host.services[0] = {"/run/x.sock", "x", 0, 0, 0660};
  EXPECT_EQ(all(host), "") << "root's own group";
  host.services[0] = {"/run/x.sock", "x", 1000, 77, 0660};
  EXPECT_THAT(all(host), HasSubstr("obeys the user 1000 and the group 77"));
}

TEST(Doors, APersonalSocketObeysTheSameUser) {
  Host host = empty();
  host.personal = {{"/tmp/tmux-1000/default", "tmux", 1000, 1000, 0700}};
  EXPECT_EQ(
      all(host),
      "door: Socket: /tmp/tmux-1000/default (tmux): obeys every process of the user 1000, also an agent\n");
  host.personal.push_back(host.personal.front());
  host.personal.push_back({"/run/user/7/bus", "session bus", 7, 7, 0600});
  EXPECT_THAT(all(host), HasSubstr("/tmp/tmux-1000/default and 1 more (tmux)"));
  EXPECT_EQ(find_doors(host).size(), 2U) << "one line for each kind and user";
}

TEST(Doors, SudoWithoutAPasswordIsShownAsItStands) {
  Host host = empty();
  host.sudo_without_password = {{"/etc/sudoers.d/ci", 3, "ada ALL=(ALL) NOPASSWD: ALL"}};
  EXPECT_THAT(all(host), HasSubstr("/etc/sudoers.d/ci:3: ada ALL=(ALL) NOPASSWD: ALL"));
  host.root = false;
  EXPECT_THAT(all(host), HasSubstr("unknown: sudo"));
}

}  // namespace
}  // namespace holdpoint::doctor
