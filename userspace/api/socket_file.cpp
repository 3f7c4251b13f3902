// SPDX-License-Identifier: Apache-2.0
#include "api/socket_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace holdpoint::api {
namespace {

constexpr int backlog = 128;  // clients that connect at once; the kernel lets more of them wait

std::unexpected<Error> another_daemon(const std::string& path) {
  return fail("another daemon answers at " + path, "stop it, or give this one another socket path");
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return fail("socket path \"" + path + "\" is empty or longer than 107 bytes", "choose a shorter one");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<Fd> lock_beside(const std::string& path) {
  const std::string name = path + ".lock";
  Fd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail_errno("lock file " + name, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return another_daemon(path);
    return fail_errno("lock file " + name, errno);
  }
  return lock;
}

// Nothing, or a socket that nobody listens at, may stand at `path`.
Result<> check_stale(const std::string& path, const sockaddr_un& address) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("socket path " + path, errno);
  }
  if (!S_ISSOCK(info.st_mode))
    return fail(path + " exists and is not a socket", "remove it, or choose another path");
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return fail_errno("socket", errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    return another_daemon(path);  // EAGAIN: its backlog is full, so it lives
  }
  return {};
}

// Bound under a name of its own; nobody finds it before the rename.
Result<Fd> bind_beside(const std::string& name, std::optional<gid_t> group) {
  const auto address = address_of(name);
  if (!address) return std::unexpected(address.error());
  ::unlink(name.c_str());  // left by a crash between bind and rename; ours, since we hold the lock
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return fail_errno("socket", errno);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return fail_errno("bind " + name, errno);
  }
  if (group && ::chown(name.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return fail_errno("chown " + name, errno);
  if (::chmod(name.c_str(), 0660) != 0) return fail_errno("chmod " + name, errno);
  if (::listen(listener.get(), backlog) != 0) return fail_errno("listen " + name, errno);
  return listener;
}

}  // namespace

Result<SocketFile> SocketFile::create(const std::string& path, std::optional<gid_t> group) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto lock = lock_beside(path);
  if (!lock) return std::unexpected(lock.error());
  if (auto stale = check_stale(path, *address); !stale) return std::unexpected(stale.error());
  const std::string temporary = path + ".n";  // short: it must fit into a socket address, too
  auto listener = bind_beside(temporary, group);
  struct stat info{};
  if (!listener || ::stat(temporary.c_str(), &info) != 0 ||
      std::rename(temporary.c_str(), path.c_str()) != 0) {
    auto error = listener ? fail_errno("socket " + path, errno) : std::unexpected(listener.error());
    ::unlink(temporary.c_str());
    return error;
  }
  SocketFile file(path, std::move(*lock));
  file.listener_ = std::move(*listener);
  file.device_ = info.st_dev;
  file.inode_ = info.st_ino;
  return file;
}

SocketFile::~SocketFile() {
  if (!lock_) return;  // moved from
  struct stat info{};
  if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
    ::unlink(path_.c_str());
  // The lock file stays: unlinking it would let two daemons lock two different files.
}

}  // namespace holdpoint::api
