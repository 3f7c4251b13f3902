// SPDX-License-Identifier: Apache-2.0
#include "approval/store_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace holdpoint::approval {
namespace {

constexpr std::uint32_t application_id = 0x486f6c64;  // "Hold"
constexpr std::uint32_t store_version = 4;

// Version 2 added it. Records that the log may not have yet.
constexpr const char* outbox_schema =
    "CREATE TABLE outbox(number INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;";

// Version 3 added it. What operators have switched: one row.
constexpr const char* switches_schema =
    "CREATE TABLE switches(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

constexpr const char* schema = R"(
  CREATE TABLE requests(number INTEGER PRIMARY KEY, state TEXT NOT NULL, session INTEGER NOT NULL, digest TEXT NOT NULL,
                        created INTEGER NOT NULL, deadline INTEGER NOT NULL, value TEXT NOT NULL) STRICT;
  CREATE INDEX requests_by_state ON requests(state, number);
  CREATE TABLE grants(number INTEGER PRIMARY KEY, session INTEGER NOT NULL, digest TEXT NOT NULL,
                      not_after INTEGER NOT NULL, ended INTEGER, value TEXT NOT NULL) STRICT;
  CREATE TABLE sessions(number INTEGER PRIMARY KEY, ended INTEGER, value TEXT NOT NULL) STRICT;
  CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)";

// Modes that operators set. A program that does not know it may leave it alone: it would refuse a policy that says `mode`, and
// without it every rule is enforced. So it needs no version of its own.
constexpr const char* modes_schema =
    "CREATE TABLE IF NOT EXISTS modes(agent TEXT NOT NULL, rule TEXT NOT NULL, mode TEXT NOT NULL, since "
    "INTEGER NOT NULL, "
    "by_kind TEXT NOT NULL, by_id TEXT NOT NULL, by_name TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY "
    "KEY(agent, rule)) "
    "STRICT;";

std::string with_path(const std::string& path, const std::string& what) { return path + ": " + what; }

std::uint32_t big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 |
         bytes[3];
}

// Reads the first page with plain reads, since SQLite would already write beside a file that it opens.
Result<> check_header(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(path, errno);
  std::array<unsigned char, 100> header{};
  const ssize_t got = ::pread(file.get(), header.data(), header.size(), 0);
  if (got < 0) return fail_errno(path, errno);
  constexpr std::array<char, 16> magic{"SQLite format 3"};
  const bool ours = got == static_cast<ssize_t>(header.size()) &&
                    std::memcmp(header.data(), magic.data(), magic.size()) == 0 &&
                    big_endian(&header[68]) == application_id;
  if (!ours)
    return fail(with_path(path, "is not a Holdpoint store"),
                "it was left as it is; move it away or name another directory");
  if (const std::uint32_t version = big_endian(&header[60]); version < 1 || version > store_version)
    return fail(with_path(path, fmt::format("is a store of version {}, this program knows version {}",
                                            version, store_version)),
                "it was left as it is; use the program that wrote it, or a newer one");
  return {};
}

Result<> sync_directory(const std::string& directory) {
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno(directory, errno);
  return {};
}

Result<> fill(const std::string& path) {
  auto database = Database::open(path, false);
  if (!database) return std::unexpected(std::move(database.error()));
  return database->execute(
      fmt::format("PRAGMA synchronous=FULL; BEGIN; PRAGMA application_id={}; "
                  "PRAGMA user_version={}; {} {} {} COMMIT;",
                  application_id, store_version, schema, outbox_schema, switches_schema));
}

// Made beside its place and renamed when it is whole, so that a crash leaves no half store behind.
Result<> create(const std::string& directory, const std::string& path) {
  const std::string draft = path + ".new";
  for (const char* suffix : {"", "-journal"})
    if (::unlink((draft + suffix).c_str()) != 0 && errno != ENOENT) return fail_errno(draft, errno);
  {
    const Fd file(::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) return fail_errno(draft, errno);
  }
  if (auto done = fill(draft); !done) {
    ::unlink(draft.c_str());
    return done;
  }
  if (::rename(draft.c_str(), path.c_str()) != 0) return fail_errno(path, errno);
  return sync_directory(directory);
}

// A store of version 1 has all but the outbox and the switches, one of version 2 all but the switches. In version 3 sessions do not
// say who tagged them, and are read without it.
Result<> migrate(Database& database) {
  auto version = database.number("PRAGMA user_version");
  if (!version) return std::unexpected(std::move(version.error()));
  if (*version >= 1 && *version < store_version)
    return database.execute(fmt::format("BEGIN IMMEDIATE; {} {} PRAGMA user_version={}; COMMIT;",
                                        *version == 1 ? outbox_schema : "",
                                        *version <= 2 ? switches_schema : "", store_version));
  if (*version != store_version)
    return fail(with_path(database.path(), fmt::format("is a store of version {}", *version)),
                "use the program that wrote it, or a newer one");
  return {};
}

Result<> check_content(Database& database) {
  auto check = database.text("PRAGMA quick_check(1)");
  if (!check) return std::unexpected(std::move(check.error()));
  if (*check != "ok")
    return fail(with_path(database.path(), "is damaged: " + *check),
                "stop the daemon, keep a copy, and restore a backup or move it away");
  return {};
}

std::string holder_of(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  pid.resize(std::min(pid.find_first_not_of("0123456789"), pid.size()));
  return pid.empty() ? "of unknown pid" : "with pid " + pid;
}

}  // namespace

Result<Fd> lock_directory(const std::string& directory) {
  const std::string path = directory + "/lock";
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return fail_errno(path, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(path, errno);
    return std::unexpected(
        Error{with_path(directory, "another daemon " + holder_of(lock.get()) + " uses this store"),
              "stop it first, or name another directory", EWOULDBLOCK});
  }
  // Only for the message above: without room for it, the lock still holds.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

Result<Database> open_database(const std::string& directory) {
  const std::string path = directory + "/holdpoint.db";
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return fail_errno(path, errno);
    if (auto made = create(directory, path); !made) return std::unexpected(std::move(made.error()));
  } else if (!S_ISREG(info.st_mode)) {
    return fail(with_path(path, "is not a regular file"), "move it away");
  }
  if (auto header = check_header(path); !header) return std::unexpected(std::move(header.error()));
  auto database = Database::open(path, false);
  if (!database) return database;
  database->leave_untouched();
  if (auto content = check_content(*database); !content) return std::unexpected(std::move(content.error()));
  // A log that once grew is cut back to 16 MiB.
  auto mode = database->execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216;"
      "PRAGMA cell_size_check=ON;");
  if (!mode) return std::unexpected(std::move(mode.error()));
  if (auto done = migrate(*database); !done) return std::unexpected(std::move(done.error()));
  if (auto done = database->execute(modes_schema); !done) return std::unexpected(std::move(done.error()));
  return database;
}

}  // namespace holdpoint::approval
