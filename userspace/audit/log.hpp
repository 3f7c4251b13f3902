// SPDX-License-Identifier: Apache-2.0
// The append-only record log: segment files in one directory, one writer. README.md has the format, byte for byte.
//
// Owner: the daemon. Thread: the daemon's loop; append() with Durability::now blocks for one fdatasync.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "approval/outbox.hpp"
#include "audit/reader.hpp"
#include "audit/record.hpp"
#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace holdpoint::audit {

// now: on the disk when append() returns. soon: at the next sync(), which the owner calls at least each second while dirty().
enum class Durability { now, soon };

// Who writes, for every record.
struct Origin {
  event::MaskedText host;
  std::string boot_id;
};

class Log {
 public:
  struct Options {
    std::uint64_t segment_bytes =
        64U << 20;  // a segment that would grow over it is closed and the next one begun
  };

  // Creates `directory` (mode 0700) if its parent is there, takes its lock, and finds the end. What a crash tore off the end
  // is cut away and noted as a Lost record; if more than an unfinished record is unreadable, the bytes are first kept as
  // <segment>.damaged-<offset>. Errors: not a record log, of a newer version, another writer, not writable, disk full.
  [[nodiscard]] static Result<Log> open(std::string directory, Origin origin, Now now);
  [[nodiscard]] static Result<Log> open(std::string directory, Origin origin, Now now, Options options);

  // Adds the record and returns it with its sequence, host and times. Error (disk full, I/O): nothing was added, the loss is
  // counted, and the next append that succeeds puts a Lost record in front. With Durability::now an error may also mean that
  // the record is in the file and may not outlive a power cut: then too a Lost record follows.
  [[nodiscard]] Result<v1::Record> append(const Entry& entry, Now now, Durability durability);
  // The same in two steps: bytes for the store, with host and times of now; and the record, once the store has it and has
  // given it a number. Nullopt: it is in the log already. Error: nothing was added and nothing counts as lost, since the
  // store has it: try again, and write none of a higher number before it.
  [[nodiscard]] approval::RecordBytes keep(const Entry& entry, Now now) const;
  [[nodiscard]] Result<std::optional<v1::Record>> append_kept(const approval::KeptRecord& kept, Now now);
  // The number of the newest of those in the log, and of the newest that outlives a power cut.
  [[nodiscard]] std::uint64_t last_kept() const { return last_kept_; }
  [[nodiscard]] std::uint64_t synced_kept() const { return synced_kept_; }
  [[nodiscard]] Result<> sync();
  [[nodiscard]] bool dirty() const { return unsynced_ != 0; }
  [[nodiscard]] std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  // Records that could not be written since the last one that could.
  [[nodiscard]] std::uint64_t losing() const { return lost_count_; }

  // At most `limit` records above `after`, oldest first.
  [[nodiscard]] Result<std::vector<v1::Record>> read(std::uint64_t after, std::size_t limit) const;

 private:
  Log(std::string directory, Origin origin, Options options);
  [[nodiscard]] Result<> find_end(Now now);
  [[nodiscard]] Result<std::uint64_t> scan(std::uint64_t first);
  [[nodiscard]] Result<> cut_tail(std::uint64_t end, std::uint64_t size);
  [[nodiscard]] Result<> keep_tail(std::uint64_t end, std::uint64_t size);
  [[nodiscard]] Result<> begin_segment();
  void find_last_kept();
  [[nodiscard]] v1::Record stamped(const Entry& entry, Now now) const;
  [[nodiscard]] Result<v1::Record> write_record(v1::Record record);
  [[nodiscard]] Result<> write_frame(const std::string& frame);
  [[nodiscard]] Result<> note_loss(Now now);
  void count_loss(int code, std::uint64_t count);
  [[nodiscard]] std::string path() const;

  std::string directory_;
  Origin origin_;
  Options options_;
  Fd lock_;  // the directory, locked
  Fd file_;
  std::uint64_t first_ = 0;  // of the segment that is written to
  std::uint64_t size_ = 0;   // of its good part, bytes
  std::uint64_t next_sequence_ = 1;
  std::uint64_t unsynced_ = 0;  // records since the last fdatasync
  std::uint64_t last_kept_ = 0;
  std::uint64_t synced_kept_ = 0;
  bool torn_ = false;  // bytes of a failed write stand behind size_
  bool leave_segment_ =
      false;  // an fdatasync failed: what the kernel says about this file cannot be believed any more
  std::uint64_t lost_count_ = 0;
  Literal lost_reason_ = "write-error";
  std::vector<Position> index_;  // of the segment that is written to: every 1,024th record
};

}  // namespace holdpoint::audit
