// SPDX-License-Identifier: Apache-2.0
// Keeps the ledger's values in SQLite (WAL, synchronous=FULL): when save() has returned, they outlive a power
// cut. Owner: the daemon. Thread: the daemon's loop. A call blocks for one fsync.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "approval/ledger.hpp"
#include "approval/outbox.hpp"
#include "base/result.hpp"

namespace holdpoint::approval {

// What an operator said of an agent's mode, or of one rule's.
struct ModeOverride {
  std::string agent;
  std::string rule;  // empty: the agent itself
  std::string mode;  // "enforce", "observe"; empty: what the policy says counts again
  WallTime since;
  Principal by;
  event::MaskedText reason;
};

class Store {
 public:
  struct Contents {
    std::vector<Session> sessions;  // not ended
    std::vector<Request> requests;  // open, and the newest 1,000 others
    std::vector<Grant> grants;      // live
    OperatorState operators;
    std::vector<ModeOverride> modes;
    Ledger::Counters counters;
    std::uint64_t next_session = 1;  // above every session id ever stored
    std::uint64_t next_hold = 1;
  };

  // Opens or creates <directory>/holdpoint.db, mode 0600. Errors, each with what to do: the file is not a
  // Holdpoint store (application_id), is of a newer version, is corrupt (quick_check), another daemon has it
  // (an flock on <directory>/lock), disk full, not writable.
  [[nodiscard]] static Result<Store> open(const std::string& directory);
  // Error: names the first row that is not as it was written.
  [[nodiscard]] Result<Contents> load();
  // Whether save() would write any of the steps.
  [[nodiscard]] static bool saves(const Steps& steps);
  // All Save* among the steps, and their records, in one transaction; other steps are ignored. The number of the first
  // record, the others follow; 0 when nothing was to save. Error: nothing was changed (call Ledger::undo). Ended values more
  // than 10,000 numbers behind the newest of their kind are dropped on the way; live ones never.
  [[nodiscard]] Result<std::uint64_t> save(const Steps& steps, const std::vector<RecordBytes>& records = {});

  // The same for the mode of an agent or a rule, in the place of what was said of it before.
  [[nodiscard]] Result<std::uint64_t> save(const ModeOverride& mode, const RecordBytes& record);

  // Records above `after` that save() took and that have not been dropped, oldest first.
  [[nodiscard]] Result<std::vector<KeptRecord>> outbox(std::uint64_t after, std::size_t limit);
  // Records up to `number` are in the log, on the disk: the next save drops them.
  void in_log(std::uint64_t number);
  // Numbers of records start above `number`, which the log knows already: the store may be younger than the log.
  void number_above(std::uint64_t number);

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

 private:
  struct Implementation;
  explicit Store(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace holdpoint::approval
