// SPDX-License-Identifier: Apache-2.0
#include "cli/policy_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fd.hpp"

namespace holdpoint::cli {
namespace {

constexpr const char* shipped = "/usr/share/holdpoint/policies/";

Result<> write_whole(const Fd& file, const std::string& path, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto wrote = ::write(file.get(), text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail_errno(path, errno);
    done += static_cast<std::size_t>(wrote);
  }
  if (::fsync(file.get()) != 0) return fail_errno(path, errno);
  return {};
}

}  // namespace

Result<std::string> read_policy(const std::string& name) {
  const std::string path = name.find('/') == std::string::npos ? shipped + name + ".yaml" : name;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in)
    return holdpoint::fail("cannot read the policy " + path,
                           "--policy takes the name of a shipped one, or a path");
  return text.str();
}

Result<std::vector<std::string>> policy_files(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto& path = entry->path();
    if (path.extension() == ".yaml" || path.extension() == ".yml") names.push_back(path.filename().string());
  }
  if (error) return fail_errno("cannot read " + directory, error.value());
  return names;
}

Result<> place_policy(const std::string& directory, const std::string& name, const std::string& text) {
  const std::string path = directory + "/" + name;
  const std::string draft = directory + "/." + name + ".new";  // the daemon reads no such name
  ::unlink(draft.c_str());
  Result<> done;
  {
    const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file) return fail_errno("cannot write into " + directory, errno);
    ::fchmod(file.get(), 0644);
    done = write_whole(file, draft, text);
  }
  if (done && ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) != 0)
    done = fail_errno("cannot put " + path + " in place", errno);
  if (!done) {
    ::unlink(draft.c_str());
    return done;
  }
  const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
  return {};
}

}  // namespace holdpoint::cli
