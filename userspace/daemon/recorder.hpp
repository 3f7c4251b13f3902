// SPDX-License-Identifier: Apache-2.0
// Writes records and tells those who watch. Thread: the daemon's loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "api/service.hpp"
#include "approval/store.hpp"
#include "audit/log.hpp"
#include "audit/record.hpp"
#include "base/clock.hpp"

namespace holdpoint::daemon {

// Which host and which boot records are of.
[[nodiscard]] audit::Origin origin();

class Recorder {
 public:
  Recorder(audit::Log log, const Clock& clock) : log_(std::move(log)), clock_(clock) {}

  // A record that cannot be written is counted by the log and reported by problem(); nothing waits for it.
  void record(const audit::Entry& entry, audit::Durability durability = audit::Durability::soon);
  // One that the store has to take first, with what it tells; and those that it took, from `first` on. One that cannot be
  // written stays in the store and is tried again at each sync, in order.
  [[nodiscard]] approval::RecordBytes keep(const audit::Entry& entry) const {
    return log_.keep(entry, clock_.now());
  }
  void write_kept(approval::Store& store, std::uint64_t first, std::vector<approval::RecordBytes> records);
  // At a start: writes what the store has and the log has not, since a daemon was killed between the two.
  void begin(approval::Store& store);
  // To the disk. The store may then drop its copies.
  void sync(approval::Store& store);
  [[nodiscard]] bool behind() const { return behind_; }
  [[nodiscard]] std::uint64_t losing() const { return log_.losing(); }
  [[nodiscard]] Result<std::vector<api::StreamEvent>> read(std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] api::Service::Subscription subscribe(std::function<void(const api::StreamEvent&)> callback);

 private:
  using Watcher = std::function<void(const api::StreamEvent&)>;
  void catch_up(approval::Store& store);
  [[nodiscard]] bool write(const approval::KeptRecord& record);
  void tell(const v1::Record& record);

  audit::Log log_;
  const Clock& clock_;
  std::list<std::weak_ptr<Watcher>> watchers_;
  bool behind_ = false;  // the store has records that the log could not take
};

}  // namespace holdpoint::daemon
