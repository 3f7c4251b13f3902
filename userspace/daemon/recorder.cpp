// SPDX-License-Identifier: Apache-2.0
#include "daemon/recorder.hpp"

#include <sys/utsname.h>

#include <fstream>

#include "audit/json.hpp"
#include "audit/kind.hpp"
#include "base/log.hpp"
#include "event/mask.hpp"

namespace holdpoint::daemon {
namespace {

api::StreamEvent stream_event(const v1::Record& record) {
  return {record.sequence(), std::string(audit::kind_word(record)), audit::to_json(record)};
}

std::string first_line(const char* file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace

audit::Origin origin() {
  utsname names{};
  ::uname(&names);
  return {event::mask(names.nodename), first_line("/proc/sys/kernel/random/boot_id")};
}

void Recorder::record(const audit::Entry& entry, audit::Durability durability) {
  auto written = log_.append(entry, clock_.now(), durability);
  if (!written) {
    log_error("record log: {}", event::mask(written.error().text()));
    return;
  }
  tell(*written);
}

void Recorder::tell(const v1::Record& record) {
  const auto event = stream_event(record);
  for (auto watcher = watchers_.begin(); watcher != watchers_.end();) {
    if (const auto alive = watcher->lock()) {
      (*alive)(event);
      ++watcher;
    } else {
      watcher = watchers_.erase(watcher);
    }
  }
}

bool Recorder::write(const approval::KeptRecord& record) {
  auto written = log_.append_kept(record, clock_.now());
  if (!written) {
    if (!behind_) log_error("record log: {}", event::mask(written.error().text()));
    behind_ = true;
    return false;
  }
  if (const auto& entry = *written) tell(*entry);
  return true;
}

void Recorder::write_kept(approval::Store& store, std::uint64_t first,
                          std::vector<approval::RecordBytes> records) {
  if (behind_) return catch_up(store);
  for (auto& record : records)
    if (!write({first++, std::move(record)})) return;
}

void Recorder::begin(approval::Store& store) {
  store.number_above(log_.last_kept());
  store.in_log(log_.synced_kept());
  catch_up(store);
}

void Recorder::catch_up(approval::Store& store) {
  constexpr std::size_t kStep = 256;  // a record may be a hundred kilobytes
  for (;;) {
    const auto records = store.outbox(log_.last_kept(), kStep);
    if (!records) {
      log_error("records that wait in the store: {}", event::mask(records.error().text()));
      behind_ = true;
      return;
    }
    for (const auto& record : *records)
      if (!write(record)) return;
    if (records->size() < kStep) break;
  }
  behind_ = false;
}

void Recorder::sync(approval::Store& store) {
  if (behind_) catch_up(store);
  if (auto synced = log_.sync(); !synced) log_error("record log: {}", event::mask(synced.error().text()));
  else store.in_log(log_.synced_kept());
}

Result<std::vector<api::StreamEvent>> Recorder::read(std::uint64_t after, std::size_t limit) const {
  auto records = log_.read(after, limit);
  if (!records) return std::unexpected(records.error());
  std::vector<api::StreamEvent> events;
  events.reserve(records->size());
  for (const auto& record : *records) events.push_back(stream_event(record));
  return events;
}

api::Service::Subscription Recorder::subscribe(std::function<void(const api::StreamEvent&)> callback) {
  auto watcher = std::make_shared<Watcher>(std::move(callback));
  watchers_.push_back(watcher);
  return watcher;
}

}  // namespace holdpoint::daemon
