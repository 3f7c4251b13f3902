// SPDX-License-Identifier: Apache-2.0
#include "kernel/content.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.hpp"
#include "kernel/arguments.hpp"

namespace holdpoint::kernel {
namespace {

constexpr std::size_t kMostArguments =
    HP_BOUND_FILES - 1;                        // a person reads no more; the rest is "content not bound"
constexpr std::size_t kMostScripts = 6;        // the kernel follows five interpreters and gives up
constexpr std::size_t kScriptLine = 256;       // what the kernel looks at
constexpr off_t kLargestFile = 16 << 20;       // hashing must stay well below a second
constexpr std::size_t kFirstLines = 400;       // bytes shown of a bound file
constexpr std::int64_t kSettled = 20'000'000;  // nanoseconds: five ticks of the slowest usual clock (250 Hz)
constexpr int kTries = 3;                      // whoever writes on and on gets "content not bound"

struct Candidate {
  std::string shown;               // the path that people see
  std::vector<std::string> names;  // under which it may be opened
  Fd file;
  bool script = false;
  hp_file_state state{};
  std::string sha256;
  std::string head;
  bool settled = false;
};

// Where a descriptor leads, as the kernel's own paths say it.
std::string path_of(const Fd& file) {
  std::array<char, HP_PATH_MAX> target{};
  const auto length =
      ::readlink(fmt::format("/proc/self/fd/{}", file.get()).c_str(), target.data(), target.size());
  return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string first_lines(std::string text) {
  text.resize(std::min(text.size(), kFirstLines));
  std::size_t end = 0;
  for (int line = 0; line < 5 && end != std::string::npos; ++line)
    end = text.find('\n', end == 0 ? 0 : end + 1);
  if (end != std::string::npos) text.resize(end);
  return text;
}

std::string hex(const std::array<unsigned char, 32>& bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

// False: unreadable.
bool hash(Candidate& file) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(::EVP_MD_CTX_new(),
                                                                        ::EVP_MD_CTX_free);
  ::EVP_DigestInit_ex(context.get(), ::EVP_sha256(), nullptr);
  std::array<char, 65536> buffer{};
  file.head.clear();
  off_t offset = 0;
  for (ssize_t got = 0; (got = ::pread(file.file.get(), buffer.data(), buffer.size(), offset)) != 0;
       offset += got) {
    if (got < 0 || offset > kLargestFile) return false;
    ::EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(got));
    if (file.head.size() < kFirstLines)
      file.head.append(buffer.data(),
                       std::min(static_cast<std::size_t>(got), kFirstLines - file.head.size()));
  }
  std::array<unsigned char, 32> digest{};
  ::EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  file.sha256 = hex(digest);
  return true;
}

std::optional<hp_file_state> state_of(const std::vector<hp_file_state>& states, const Fd& file) {
  for (const auto& state : states)
    if (state.descriptor == static_cast<std::uint64_t>(file.get())) return state;
  return std::nullopt;
}

bool same(const hp_file_state& a, const hp_file_state& b) {
  return a.device == b.device && a.inode == b.inode && a.size == b.size && a.ctime_ns == b.ctime_ns;
}

bool input_is_file(int pid) {
  struct stat found{};
  return ::stat(fmt::format("/proc/{}/fd/0", pid).c_str(), &found) == 0 && S_ISREG(found.st_mode);
}

// Until the newest change is old enough that a further one would show in the change time.
void wait_settled(const std::vector<Candidate>& files, const Clock& clock) {
  const std::int64_t current =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock.now().wall.time_since_epoch()).count();
  std::int64_t wait = 0;
  for (const auto& file : files) {
    const auto age = current - static_cast<std::int64_t>(file.state.ctime_ns);
    if (!file.settled && age < kSettled) wait = std::max(wait, std::min(kSettled, kSettled - age));
  }
  if (wait > 0) ::usleep(static_cast<useconds_t>(wait / 1000));
}

void settle(const Programs& programs, const Clock& clock, std::vector<Candidate>& files) {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto before = programs.open_files();
    for (auto& file : files)
      if (const auto state = state_of(before, file.file)) file.state = *state;
    wait_settled(files, clock);
    for (auto& file : files)
      if (!file.settled && file.state.size <= kLargestFile && !hash(file)) file.sha256.clear();
    const auto after = programs.open_files();
    bool all = true;
    for (auto& file : files) {
      const auto state = state_of(after, file.file);
      file.settled = file.settled || (!file.sha256.empty() && state && same(*state, file.state));
      all = all && file.settled;
    }
    if (all) return;
  }
}

void put_names(hp_bound_file& entry, const Programs& programs, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size() && i < HP_BOUND_NAMES; ++i) {
    const auto name = programs.name_hash(names[i]);
    std::memcpy(entry.names[i], name.data(), sizeof(entry.names[i]));
  }
}

// No file has inode 0: whatever is read by one of these names is another one than was shown, which is none.
void add_missing(Bound& bound, const Programs& programs, const std::vector<std::string>& names) {
  if (bound.image.count < HP_BOUND_FILES) put_names(bound.image.files[bound.image.count++], programs, names);
}

void add(Bound& bound, const Programs& programs, const Candidate& file) {
  auto& entry = bound.image.files[bound.image.count++];
  entry.device = file.state.device;
  entry.inode = file.state.inode;
  entry.size = file.state.size;
  entry.ctime_ns = file.state.ctime_ns;
  entry.script = file.script ? 1 : 0;
  put_names(entry, programs, file.names);
  bound.files.push_back({file.shown, file.sha256, file.state.size, file.state.device, file.state.inode,
                         first_lines(file.head)});
}

// What the first line of a script names as its interpreter; empty: it is none.
std::string interpreter_named(const Fd& file) {
  std::array<char, kScriptLine> start{};
  const auto length = ::pread(file.get(), start.data(), start.size(), 0);
  std::string_view line(start.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  if (!line.starts_with("#!")) return {};
  line.remove_prefix(2);
  line = line.substr(0, line.find_first_of(std::string_view("\n\0", 2)));
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

// What one execve reads as scripts: the executed file, if it is one, and each script that another one names as its interpreter.
// The next program in the row opens it again by name.
void add_scripts(Bound& bound, std::vector<Candidate>& files, const event::Access& access,
                 const event::Process& process) {
  const bool interpreter_asked = (access.fixed.flags & HP_ACCESS_SCRIPT_STAGE) != 0;
  const auto& executed = interpreter_asked ? access.second : access.path;
  Candidate script{executed, {"", executed}, open_named(process.pid, executed).file, true, {}, {}, {}, false};
  if (!script.file) {
    bound.complete = false;  // nobody knows what it is
    return;
  }
  auto named = interpreter_named(script.file);
  // Others than those that begin with #! have an interpreter as well (binfmt_misc).
  if (named.empty() && !interpreter_asked) return;
  while (true) {
    script.names.push_back(path_of(script.file));
    files.push_back(std::move(script));
    if (named.empty() || files.size() == kMostScripts) return;
    const auto path = named[0] == '/' ? named : process.directory + "/" + named;
    script = Candidate{path, {named, path}, open_named(process.pid, path).file, false, {}, {}, {}, false};
    if (!script.file) return;  // execve will not find it either
    named = interpreter_named(script.file);
    if (named.empty()) return;
  }
}

// The files that arguments name, and the names under which there may be one soon.
void add_arguments(Bound& bound, std::vector<Candidate>& files,
                   std::vector<std::vector<std::string>>& missing, const event::Access& access,
                   const event::Process& process) {
  // A script's arguments are the script's.
  const auto program = access.fixed.flags & HP_ACCESS_SCRIPT_STAGE ? std::string() : access.path;
  std::size_t arguments = 0;
  for (std::size_t i = 1; i < access.argv.size(); ++i) {
    const auto& argument = access.argv[i];
    if (argument.empty() || argument.size() >= HP_PATH_MAX || argument[0] == '-') continue;
    const auto path = argument[0] == '/' ? argument : process.directory + "/" + argument;
    auto named = open_named(process.pid, path);
    if (named.what == Named::other) bound.complete = false;
    if (named.what != Named::regular) {
      const auto input = may_be_input(program, access.argv, i, named.what);
      if (input != Input::no) bound.whole = false;
      // Behind its script there is what the script makes, too.
      if (input == Input::program && arguments == 0 && !is_own_descriptor(path))
        missing.push_back({argument, path, std::filesystem::path(path).lexically_normal().string()});
      continue;
    }
    if (++arguments > kMostArguments || files.size() >= HP_BOUND_FILES) {
      bound.complete = false;
      continue;
    }
    Candidate file{path, {argument, path}, std::move(named.file), false, {}, {}, {}, false};
    file.names.push_back(path_of(file.file));
    files.push_back(std::move(file));
  }
}

}  // namespace

Bound bind_content(const Programs& programs, const Clock& clock, const event::Access& access,
                   const event::Process& process) {
  Bound bound;
  bound.input = input_is_file(process.pid);
  std::vector<Candidate> files;
  std::vector<std::vector<std::string>> missing;
  add_scripts(bound, files, access, process);
  add_arguments(bound, files, missing, access, process);
  if (!files.empty()) settle(programs, clock, files);
  for (const auto& file : files) {
    if (file.settled) add(bound, programs, file);
    else bound.complete = false;
  }
  for (const auto& names : missing) add_missing(bound, programs, names);
  if (!bound.complete) bound.whole = false;
  if (bound.image.count == 0) return bound;
  bound.image.session = access.fixed.identity.session;
  bound.image.tasks = 1;
  return bound;
}

}  // namespace holdpoint::kernel
