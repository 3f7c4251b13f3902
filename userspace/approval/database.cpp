// SPDX-License-Identifier: Apache-2.0
#include "approval/database.hpp"

#include <sqlite3.h>

#include <cerrno>

namespace holdpoint::approval {
namespace {

std::unexpected<Error> fault(sqlite3* connection) {
  const char* name = sqlite3_db_filename(connection, "main");
  const std::string path = name != nullptr ? name : "the store";
  const int code = sqlite3_errcode(connection);
  const int system = sqlite3_system_errno(connection);
  Error error{path + ": " + sqlite3_errmsg(connection), {}, 0};
  if (code == SQLITE_FULL) {
    error = {path + ": the disk is full", "make room on the file system; nothing was changed", ENOSPC};
  } else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    error.hint = "the file is damaged: stop the daemon, keep a copy, and restore a backup or move it away";
  } else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM) {
    error.hint = "the directory and the file must be writable for the daemon";
    error.code = system;
  } else if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    error.hint = "another program works on the file; nothing was changed";
    error.code = EBUSY;
  } else if ((code & 0xff) == SQLITE_IOERR) {
    error.hint = "the file system reported an error; nothing was changed";
    error.code = system;
  }
  return std::unexpected(std::move(error));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }

// A bind fails only without memory or with a parameter that the statement does not have; step() then reports
// it, since the parameter stays NULL and every column refuses that.
void Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::bind(int parameter, const std::string& value) {
  sqlite3_bind_text64(statement_.get(), parameter, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind(int parameter, std::optional<std::int64_t> value) {
  if (value) sqlite3_bind_int64(statement_.get(), parameter, *value);
  else sqlite3_bind_null(statement_.get(), parameter);
}

void Statement::bind_bytes(int parameter, const std::string& value) {
  sqlite3_bind_blob64(statement_.get(), parameter, value.data(), value.size(), SQLITE_TRANSIENT);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = fault(sqlite3_db_handle(statement_.get()));
  reset();
  return error;
}

Result<> Statement::run() {
  auto row = step();
  if (!row) return std::unexpected(std::move(row.error()));
  if (*row) reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr || size <= 0) return {};
  return {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

std::string Statement::bytes(int column) const {
  const auto* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr || size <= 0) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Result<Database> Database::open(const std::string& path, bool create) {
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  Database database;
  database.connection_.reset(connection);
  database.path_ = path;
  if (connection == nullptr) return fail("no memory to open " + path);
  if (code != SQLITE_OK) return fault(connection);
  // A backup that reads the file holds no lock for longer than this.
  sqlite3_busy_timeout(connection, 1000);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

void Database::leave_untouched() {
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

Result<> Database::execute(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
    return fault(connection_.get());
  return {};
}

Result<Statement> Database::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                         nullptr) != SQLITE_OK)
    return fault(connection_.get());
  return Statement(statement);
}

Result<std::int64_t> Database::number(const std::string& sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return std::unexpected(std::move(row.error()));
  if (!*row) return fail(path_ + ": no answer to " + sql);
  return statement->number(0);
}

Result<std::string> Database::text(const std::string& sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(std::move(statement.error()));
  auto row = statement->step();
  if (!row) return std::unexpected(std::move(row.error()));
  if (!*row) return fail(path_ + ": no answer to " + sql);
  return statement->text(0);
}

}  // namespace holdpoint::approval
