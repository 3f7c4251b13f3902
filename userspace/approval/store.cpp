// SPDX-License-Identifier: Apache-2.0
#include "approval/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "approval/codec.hpp"
#include "approval/store_file.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

// Rows of each table that stay, live ones always: the record log is the memory for longer times, this is for
// going on. A request with the longest argv is below 64 KiB, so the file stays in the hundreds of megabytes
// at the very worst.
constexpr std::int64_t kept_rows = 10'000;
constexpr std::int64_t loaded_ended_requests = 1'000;
// Records that wait for a log that cannot be written. Over it nothing is saved any more, so nothing is decided either: a
// guard that keeps no record is not left to itself.
constexpr std::uint64_t most_records = 10'000;

std::int64_t count_of(WallTime time) { return time.time_since_epoch().count(); }

std::optional<std::int64_t> count_of(const std::optional<WallTime>& time) {
  return time ? std::optional(count_of(*time)) : std::nullopt;
}

// SQLite's numbers are signed; ours start at 1 and count up.
Result<std::int64_t> row_number(std::uint64_t number, const std::string& what) {
  if (number == 0 || number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return fail(what + ": its number is out of range");
  return static_cast<std::int64_t>(number);
}

}  // namespace

struct Store::Implementation {
  // Order: the database closes before the lock goes.
  Fd lock;
  Database database;
  Statement put_request, put_grant, put_session, put_switches, raise_counter;
  Statement prune_requests, prune_grants, prune_sessions;
  Statement put_record, drop_records;
  Statement put_mode, drop_mode;
  std::uint64_t next_record = 1;
  std::uint64_t in_log = 0;  // records up to here are in the log

  Result<> prepare();
  Result<> write(const SaveRequest& step);
  Result<> write(const SaveGrant& step);
  Result<> write(const SaveSession& step);
  Result<> write(const SaveOperator& step);
  template <typename Other>
  Result<> write(const Other&) {
    return {};
  }
  Result<> raise(const char* name, std::uint64_t value);
  Result<> write_records(const std::vector<RecordBytes>& records);
  Result<> write_all(const Steps& steps, const std::vector<RecordBytes>& records);
  template <typename Value>
  Result<> read(const std::string& sql, const char* table, Result<Value> (*decode)(const std::string&),
                std::vector<Value>& into);
  Result<> read_switches(OperatorState& into);
  Result<> write(const ModeOverride& mode);
  Result<std::vector<ModeOverride>> modes();
  // `work` and the records that tell of it, in one transaction. The number of the first record.
  template <typename Work>
  Result<std::uint64_t> transact(Work work, std::size_t records);
  Result<std::uint64_t> counter(const char* name);
};

namespace {

std::string requests_to_load() {
  return fmt::format(
      "SELECT * FROM (SELECT number, value, state FROM requests WHERE state <> 'open' ORDER BY number DESC "
      "LIMIT {}) "
      "UNION ALL SELECT number, value, state FROM requests WHERE state = 'open' ORDER BY number",
      loaded_ended_requests);
}

bool is_save(const Step& step) {
  return std::holds_alternative<SaveRequest>(step) || std::holds_alternative<SaveGrant>(step) ||
         std::holds_alternative<SaveSession>(step) || std::holds_alternative<SaveOperator>(step);
}

// The columns that are searched must say what the value says; else somebody has edited one of them.
bool fits(const Request& value, const Statement& row) {
  return number_of(value.id, 'r') == static_cast<std::uint64_t>(row.number(0)) &&
         state_text(value.state) == row.text(2);
}
bool fits(const Grant& value, const Statement& row) {
  return number_of(value.id, 'g') == static_cast<std::uint64_t>(row.number(0)) &&
         count_of(value.revoked).value_or(0) == row.number(2);
}
bool fits(const Session& value, const Statement& row) {
  return value.id == static_cast<std::uint64_t>(row.number(0)) &&
         count_of(value.ended).value_or(0) == row.number(2);
}

}  // namespace

Result<> Store::Implementation::prepare() {
  const auto prune = [](const char* table, const char* over) {
    return fmt::format("DELETE FROM {0} WHERE {1} AND number <= (SELECT max(number) FROM {0}) - {2}", table,
                       over, kept_rows);
  };
  const std::pair<Statement*, std::string> all[] = {
      {&put_request, "INSERT OR REPLACE INTO requests VALUES(?, ?, ?, ?, ?, ?, ?)"},
      {&put_grant, "INSERT OR REPLACE INTO grants VALUES(?, ?, ?, ?, ?, ?)"},
      {&put_session, "INSERT OR REPLACE INTO sessions VALUES(?, ?, ?)"},
      {&put_switches, "INSERT OR REPLACE INTO switches VALUES('operator', ?)"},
      {&raise_counter,
       "INSERT INTO counters VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value=max(value, excluded.value)"},
      {&prune_requests, prune("requests", "state <> 'open'")},
      {&prune_grants, prune("grants", "ended IS NOT NULL")},
      {&prune_sessions, prune("sessions", "ended IS NOT NULL")},
      {&put_record, "INSERT INTO outbox VALUES(?, ?)"},
      {&drop_records, "DELETE FROM outbox WHERE number <= ?"},
      {&put_mode, "INSERT OR REPLACE INTO modes VALUES(?, ?, ?, ?, ?, ?, ?, ?)"},
      {&drop_mode, "DELETE FROM modes WHERE agent = ? AND rule = ?"}};
  for (const auto& [statement, sql] : all) {
    auto prepared = database.prepare(sql);
    if (!prepared) return std::unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return {};
}

Result<> Store::Implementation::raise(const char* name, std::uint64_t value) {
  auto number = row_number(value, name);
  if (!number) return std::unexpected(std::move(number.error()));
  raise_counter.bind(1, std::string(name));
  raise_counter.bind(2, *number);
  return raise_counter.run();
}

Result<> Store::Implementation::write(const SaveRequest& step) {
  const Request& request = step.request;
  auto number = row_number(number_of(request.id, 'r'), "request " + request.id);
  if (!number) return std::unexpected(std::move(number.error()));
  std::uint64_t newest_hold = 0;
  for (const Hold& hold : request.holds) newest_hold = std::max(newest_hold, hold.id);
  put_request.bind(1, *number);
  put_request.bind(2, std::string(state_text(request.state)));
  put_request.bind(3, static_cast<std::int64_t>(request.session));
  put_request.bind(4, request.digest);
  put_request.bind(5, count_of(request.created));
  put_request.bind(6, count_of(request.deadline));
  put_request.bind(7, encode(request));
  if (auto done = put_request.run(); !done) return done;
  if (auto done = raise("next_request", static_cast<std::uint64_t>(*number) + 1); !done) return done;
  if (auto done = raise("next_hold", newest_hold + 1); !done) return done;
  return raise("next_session", request.session + 1);
}

Result<> Store::Implementation::write(const SaveGrant& step) {
  const Grant& grant = step.grant;
  auto number = row_number(number_of(grant.id, 'g'), "grant " + grant.id);
  if (!number) return std::unexpected(std::move(number.error()));
  put_grant.bind(1, *number);
  put_grant.bind(2, static_cast<std::int64_t>(grant.session));
  put_grant.bind(3, grant.digest);
  put_grant.bind(4, count_of(grant.not_after));
  put_grant.bind(5, count_of(grant.revoked));
  put_grant.bind(6, encode(grant));
  if (auto done = put_grant.run(); !done) return done;
  return raise("next_grant", static_cast<std::uint64_t>(*number) + 1);
}

Result<> Store::Implementation::write(const SaveSession& step) {
  const Session& session = step.session;
  auto number = row_number(session.id, fmt::format("session {}", session.id));
  if (!number) return std::unexpected(std::move(number.error()));
  put_session.bind(1, *number);
  put_session.bind(2, count_of(session.ended));
  put_session.bind(3, encode(session));
  if (auto done = put_session.run(); !done) return done;
  return raise("next_session", session.id + 1);
}

Result<> Store::Implementation::write(const SaveOperator& step) {
  put_switches.bind(1, encode(step.state));
  return put_switches.run();
}

Result<> Store::Implementation::write(const ModeOverride& mode) {
  if (mode.mode.empty()) {
    drop_mode.bind(1, mode.agent);
    drop_mode.bind(2, mode.rule);
    return drop_mode.run();
  }
  put_mode.bind(4, count_of(mode.since));
  const std::pair<int, const std::string&> texts[] = {
      {1, mode.agent}, {2, mode.rule},    {3, mode.mode},         {5, mode.by.kind},
      {6, mode.by.id}, {7, mode.by.name}, {8, mode.reason.text()}};
  for (const auto& [column, text] : texts) put_mode.bind(column, text);
  return put_mode.run();
}

Result<std::vector<ModeOverride>> Store::Implementation::modes() {
  auto rows = database.prepare(
      "SELECT agent, rule, mode, since, by_kind, by_id, by_name, reason FROM modes ORDER BY agent, rule");
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<ModeOverride> found;
  for (;;) {
    auto row = rows->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return found;
    found.push_back({rows->text(0),
                     rows->text(1),
                     rows->text(2),
                     WallTime(Duration(rows->number(3))),
                     {rows->text(4), rows->text(5), rows->text(6)},
                     event::restore_masked(rows->text(7), 0)});
  }
}

Result<> Store::Implementation::write_records(const std::vector<RecordBytes>& records) {
  auto number = next_record;
  if (number + records.size() > in_log + most_records)
    return std::unexpected(
        Error{fmt::format("{} records wait for the record log, which cannot be written", number - 1 - in_log),
              "make room for it; nothing is decided without a record", ENOSPC});
  for (const auto& record : records) {
    put_record.bind(1, static_cast<std::int64_t>(number++));
    put_record.bind_bytes(2, record.bytes());
    if (auto done = put_record.run(); !done) return done;
  }
  drop_records.bind(1, static_cast<std::int64_t>(in_log));
  if (auto done = drop_records.run(); !done) return done;
  return raise("next_record", number);
}

Result<> Store::Implementation::write_all(const Steps& steps, const std::vector<RecordBytes>& records) {
  for (const Step& step : steps) {
    auto done = std::visit([this](const auto& one) { return write(one); }, step);
    if (!done) return done;
  }
  for (Statement* statement : {&prune_requests, &prune_grants, &prune_sessions})
    if (auto done = statement->run(); !done) return done;
  return write_records(records);
}

template <typename Value>
Result<> Store::Implementation::read(const std::string& sql, const char* table,
                                     Result<Value> (*decode)(const std::string&), std::vector<Value>& into) {
  auto statement = database.prepare(sql);
  if (!statement) return std::unexpected(std::move(statement.error()));
  while (true) {
    auto row = statement->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return {};
    const auto corrupt = [&](const std::string& what) {
      return fail(fmt::format("{}: row {} of {}: {}", database.path(), statement->number(0), table, what),
                  "the file was changed by something else: restore a backup, or move it away and start anew");
    };
    auto value = decode(statement->text(1));
    if (!value) return corrupt(value.error().text());
    if (!fits(*value, *statement)) return corrupt("the columns do not say what the value says");
    into.push_back(std::move(*value));
  }
}

Result<> Store::Implementation::read_switches(OperatorState& into) {
  auto row = database.prepare("SELECT value FROM switches WHERE name = 'operator'");
  if (!row) return std::unexpected(std::move(row.error()));
  auto there = row->step();
  if (!there) return std::unexpected(std::move(there.error()));
  if (!*there) return {};
  auto state = decode_operator_state(row->text(0));
  if (!state)
    return fail(fmt::format("{}: switches: {}", database.path(), state.error().text()),
                "the file was changed by something else: restore a backup, or move it away and start anew");
  into = std::move(*state);
  return {};
}

Result<std::uint64_t> Store::Implementation::counter(const char* name) {
  auto value =
      database.number(fmt::format("SELECT coalesce(max(value), 1) FROM counters WHERE name = '{}'", name));
  if (!value) return std::unexpected(std::move(value.error()));
  if (*value < 1)
    return fail(fmt::format("{}: counter {} is {}", database.path(), name, *value), "restore a backup");
  return static_cast<std::uint64_t>(*value);
}

Result<Store> Store::open(const std::string& directory) {
  auto lock = lock_directory(directory);
  if (!lock) return std::unexpected(std::move(lock.error()));
  auto database = open_database(directory);
  if (!database) return std::unexpected(std::move(database.error()));
  auto implementation = std::make_unique<Implementation>();
  implementation->lock = std::move(*lock);
  implementation->database = std::move(*database);
  if (auto ready = implementation->prepare(); !ready) return std::unexpected(std::move(ready.error()));
  auto next = implementation->counter("next_record");
  if (!next) return std::unexpected(std::move(next.error()));
  implementation->next_record = *next;
  auto oldest =
      implementation->database.number(fmt::format("SELECT coalesce(min(number), {}) - 1 FROM outbox", *next));
  if (!oldest) return std::unexpected(std::move(oldest.error()));
  implementation->in_log = static_cast<std::uint64_t>(*oldest);
  return Store(std::move(implementation));
}

Result<Store::Contents> Store::load() {
  Contents contents;
  Implementation& store = *implementation_;
  auto done = store.read("SELECT number, value, ended FROM sessions WHERE ended IS NULL ORDER BY number",
                         "sessions", decode_session, contents.sessions);
  if (done) done = store.read(requests_to_load(), "requests", decode_request, contents.requests);
  if (done)
    done = store.read("SELECT number, value, ended FROM grants WHERE ended IS NULL ORDER BY number", "grants",
                      decode_grant, contents.grants);
  if (done) done = store.read_switches(contents.operators);
  if (!done) return std::unexpected(std::move(done.error()));
  auto modes = store.modes();
  if (!modes) return std::unexpected(std::move(modes.error()));
  contents.modes = std::move(*modes);
  const std::pair<const char*, std::uint64_t*> counters[] = {
      {"next_request", &contents.counters.next_request},
      {"next_grant", &contents.counters.next_grant},
      {"next_session", &contents.next_session},
      {"next_hold", &contents.next_hold}};
  for (const auto& [name, into] : counters) {
    auto value = store.counter(name);
    if (!value) return std::unexpected(std::move(value.error()));
    *into = *value;
  }
  return contents;
}

bool Store::saves(const Steps& steps) { return std::ranges::any_of(steps, is_save); }

template <typename Work>
Result<std::uint64_t> Store::Implementation::transact(Work work, std::size_t records) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  Result<> done = work();
  if (done) done = database.execute("COMMIT");
  // After some errors SQLite has rolled back already; then this says so, and there is nothing left to do.
  if (!done) {
    (void)database.execute("ROLLBACK");
    return std::unexpected(std::move(done.error()));
  }
  return std::exchange(next_record, next_record + records);
}

Result<std::uint64_t> Store::save(const Steps& steps, const std::vector<RecordBytes>& records) {
  if (!saves(steps)) return 0;
  return implementation_->transact([&] { return implementation_->write_all(steps, records); },
                                   records.size());
}

Result<std::uint64_t> Store::save(const ModeOverride& mode, const RecordBytes& record) {
  return implementation_->transact(
      [&]() -> Result<> {
        if (auto done = implementation_->write(mode); !done) return done;
        return implementation_->write_records({record});
      },
      1);
}

Result<std::vector<KeptRecord>> Store::outbox(std::uint64_t after, std::size_t limit) {
  auto rows = implementation_->database.prepare(
      "SELECT number, record FROM outbox WHERE number > ? ORDER BY number LIMIT ?");
  if (!rows) return std::unexpected(std::move(rows.error()));
  rows->bind(1, static_cast<std::int64_t>(after));
  rows->bind(2, static_cast<std::int64_t>(limit));
  std::vector<KeptRecord> records;
  for (;;) {
    auto row = rows->step();
    if (!row) return std::unexpected(std::move(row.error()));
    if (!*row) return records;
    records.push_back({static_cast<std::uint64_t>(rows->number(0)), RecordBytes(rows->bytes(1))});
  }
}

void Store::in_log(std::uint64_t number) {
  implementation_->in_log =
      std::max(implementation_->in_log, std::min(number, implementation_->next_record - 1));
}

void Store::number_above(std::uint64_t number) {
  implementation_->next_record = std::max(implementation_->next_record, number + 1);
}

Store::Store(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

}  // namespace holdpoint::approval
