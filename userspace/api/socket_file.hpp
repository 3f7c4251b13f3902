// SPDX-License-Identifier: Apache-2.0
// The socket in the file system: one daemon at a time, right owner and mode from its first moment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace holdpoint::api {

// Owns the listening socket's file and the lock beside it ("<path>.lock", flock): removed in the destructor, unless
// another daemon has put its own there meanwhile.
class SocketFile {
 public:
  // Mode 0660, group `group` if given (else the caller's). The file appears at `path` in one step, already listening and
  // with its final owner. Replaces a dead daemon's socket. Errors: another daemon lives there; something that is not a
  // socket stands there; the path is too long for a socket address (107 bytes); the directory cannot be written.
  [[nodiscard]] static Result<SocketFile> create(const std::string& path, std::optional<gid_t> group);

  SocketFile(SocketFile&&) noexcept = default;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

  // The listening descriptor, non-blocking; once.
  [[nodiscard]] int release_listener() { return listener_.release(); }

 private:
  SocketFile(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  Fd lock_;
  Fd listener_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace holdpoint::api
