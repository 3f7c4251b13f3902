// SPDX-License-Identifier: Apache-2.0
// Which arguments of a program may name something that it reads as its input, and what they name now. Opening has no effect on
// what is opened: nothing but a regular file is.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"

namespace holdpoint::kernel {

enum class Named {
  regular,
  directory,   // or /dev/null: there is nothing to show
  absent,      // nothing yet
  impossible,  // no file can have this name
  other,  // a pipe, a device, a socket, something that only the process itself can open, or what nobody may look at
};
struct NamedFile {
  Named what = Named::other;
  Fd file;  // of a regular file
};

// An absolute path as the process of `tgid` would resolve it, from its root. What lies in procfs is `other`: there the daemon
// would be shown its own.
[[nodiscard]] NamedFile open_named(int tgid, const std::string& path);

// Something of the process itself: a descriptor, or its standard input.
[[nodiscard]] bool is_own_descriptor(const std::string& path);

// Whether argv[index], which is `now` and so no file, could be the name of what the program reads as soon as somebody makes one.
enum class Input {
  no,
  perhaps,  // it looks like a path; most words of a command line are none
  program,  // any word of an interpreter
};
[[nodiscard]] Input may_be_input(const std::string& program, const std::vector<std::string>& argv,
                                 std::size_t index, Named now = Named::absent);

}  // namespace holdpoint::kernel
