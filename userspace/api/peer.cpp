// SPDX-License-Identifier: Apache-2.0
#include "api/peer.hpp"

#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace holdpoint::api {
namespace {

Result<std::vector<gid_t>> peer_groups(int socket) {
  std::vector<gid_t> groups(64);
  for (int attempt = 0; attempt < 2; ++attempt) {
    socklen_t size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE) break;
    groups.resize(size / sizeof(gid_t));  // the kernel said how many there are
  }
  return fail_errno("groups of the caller", errno);
}

// For display only, so a lookup that fails leaves it empty.
std::string login_name(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_name;
}

}  // namespace

Result<Caller> identify_peer(int socket, std::optional<gid_t> group) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail_errno("credentials of the caller", errno);
  }
  // 0 is a process of another pid namespace: it cannot be asked whether it is tagged, so it is refused.
  if (credentials.pid <= 0) return fail("the caller's process is not visible here");
  const auto groups = peer_groups(socket);
  if (!groups) return std::unexpected(groups.error());
  Caller caller;
  caller.pid = credentials.pid;
  caller.uid = credentials.uid;
  caller.gid = credentials.gid;
  caller.principal = {"unix", std::to_string(credentials.uid), login_name(credentials.uid)};
  const bool member =
      group && (credentials.gid == *group || std::ranges::find(*groups, *group) != groups->end());
  caller.may_decide = credentials.uid == 0 || member;
  return caller;
}

}  // namespace holdpoint::api
