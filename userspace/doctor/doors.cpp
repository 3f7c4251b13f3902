// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "doctor/examine.hpp"

namespace holdpoint::doctor {
namespace {

// Members may do as root what they like, without a password, through a service, a device or a file system.
constexpr std::array<std::string_view, 8> kGroupsLikeRoot{"docker",  "lxd",  "incus-admin", "podman",
                                                          "libvirt", "disk", "kmem",        "shadow"};
constexpr const char* kAskFirst =
    "the policy for coding agents asks before an agent connects to it; keep that rule";

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

const Group* group_of(const Host& host, unsigned gid) {
  const auto found = std::ranges::find(host.groups, gid, &Group::gid);
  return found == host.groups.end() ? nullptr : &*found;
}

void add_groups(const Host& host, std::vector<Finding>& findings) {
  for (const Group& group : host.groups) {
    if (group.members.empty() || std::ranges::find(kGroupsLikeRoot, group.name) == kGroupsLikeRoot.end())
      continue;
    findings.push_back(
        {Kind::door, "Group",
         fmt::format("whoever is in {} is as good as root: {}", group.name, join(group.members)),
         fmt::format("keep users that run agents out of it: gpasswd -d USER {}", group.name)});
  }
}

// Who besides root may write to it; empty: nobody.
std::string writers(const Host& host, const ControlSocket& socket) {
  if ((socket.mode & 02U) != 0) return "every user";
  std::string who;
  if (socket.uid != 0 && (socket.mode & 0200U) != 0) who = fmt::format("the user {}", socket.uid);
  if (socket.gid == 0 || (socket.mode & 020U) == 0) return who;
  const Group* group = group_of(host, socket.gid);
  return fmt::format("{}{}the group {}", who, who.empty() ? "" : " and ",
                     group == nullptr ? std::to_string(socket.gid) : group->name);
}

void add_services(const Host& host, std::vector<Finding>& findings) {
  for (const ControlSocket& socket : host.services) {
    const std::string who = writers(host, socket);
    if (who.empty()) continue;
    findings.push_back({Kind::door, "Socket",
                        fmt::format("{} ({}) obeys {}, as root", socket.path, socket.what, who), kAskFirst});
  }
}

// One line for all of a kind that a user has: nobody reads a list of old terminals to its end.
void add_personal(const Host& host, std::vector<Finding>& findings) {
  std::map<std::pair<std::string, unsigned>, std::vector<std::string>> paths;
  for (const ControlSocket& socket : host.personal) paths[{socket.what, socket.uid}].push_back(socket.path);
  for (const auto& [kind, of_kind] : paths) {
    const std::string more = of_kind.size() == 1 ? "" : fmt::format(" and {} more", of_kind.size() - 1);
    findings.push_back({Kind::door, "Socket",
                        fmt::format("{}{} ({}): obeys every process of the user {}, also an agent",
                                    of_kind.front(), more, kind.first, kind.second),
                        kAskFirst});
  }
}

void add_sudo(const Host& host, std::vector<Finding>& findings) {
  for (const Line& line : host.sudo_without_password) {
    findings.push_back(
        {Kind::door, "sudo", fmt::format("{}:{}: {}", line.file, line.number, line.text),
         "no password stands between an agent of that user and root but the rule that asks about sudo"});
  }
  if (!host.root)
    findings.push_back({Kind::unknown, "sudo", "only root may read its rules", "sudo holdpoint doctor"});
}

}  // namespace

std::vector<Finding> find_doors(const Host& host) {
  std::vector<Finding> findings;
  add_groups(host, findings);
  add_services(host, findings);
  add_personal(host, findings);
  add_sudo(host, findings);
  return findings;
}

}  // namespace holdpoint::doctor
