// SPDX-License-Identifier: Apache-2.0
// SQLite with owners: one connection, its statements, one transaction at a time. Errors say what SQLite said.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace holdpoint::approval {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Columns and parameters count from 1 and 0, as SQLite's do.
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, const std::string& value);
  void bind(int parameter, std::optional<std::int64_t> value);
  void bind_bytes(int parameter, const std::string& value);
  // True: a row is there. False: done. The statement can be used again after done or an error.
  [[nodiscard]] Result<bool> step();
  [[nodiscard]] Result<> run();  // a statement without rows
  void reset();
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::string bytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  // `create`: make the file if it is missing.
  [[nodiscard]] static Result<Database> open(const std::string& path, bool create);
  [[nodiscard]] Result<> execute(const std::string& sql);
  [[nodiscard]] Result<Statement> prepare(const std::string& sql);
  // The one number or text that a query gives.
  [[nodiscard]] Result<std::int64_t> number(const std::string& sql);
  [[nodiscard]] Result<std::string> text(const std::string& sql);
  // Closing writes nothing into the file.
  void leave_untouched();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
  std::string path_;
};

}  // namespace holdpoint::approval
