// SPDX-License-Identifier: Apache-2.0
// Writes records and tells those who watch. Thread: the daemon's loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "api/service.hpp"
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
  void sync();
  [[nodiscard]] bool dirty() const { return log_.dirty(); }
  [[nodiscard]] std::uint64_t losing() const { return log_.losing(); }
  [[nodiscard]] Result<std::vector<api::StreamEvent>> read(std::uint64_t after, std::size_t limit) const;
  [[nodiscard]] api::Service::Subscription subscribe(std::function<void(const api::StreamEvent&)> callback);

 private:
  using Watcher = std::function<void(const api::StreamEvent&)>;
  audit::Log log_;
  const Clock& clock_;
  std::list<std::weak_ptr<Watcher>> watchers_;
};

}  // namespace holdpoint::daemon
