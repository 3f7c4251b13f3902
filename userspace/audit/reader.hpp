// SPDX-License-Identifier: Apache-2.0
// Reads the log from any sequence on, also while the daemon writes to it, and offline on a copy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "holdpoint/record.pb.h"

namespace holdpoint::audit {

// Where a record's frame stands.
struct Position {
  std::uint64_t segment = 0;   // first sequence of the segment
  std::uint64_t offset = 0;    // bytes from the start of the file
  std::uint64_t sequence = 0;  // of the record there
};

class Reader {
 public:
  // Records with a sequence above `after`; 0: from the oldest kept. `near` is a position at or before it, to start from.
  [[nodiscard]] static Result<Reader> open(std::string directory, std::uint64_t after,
                                           std::optional<Position> near = std::nullopt);
  // The next record, or nothing when there is none yet: call again later. Errors name file and offset: a damaged frame,
  // a sequence that does not follow, a segment that is missing. After an error the reader stays where it is.
  [[nodiscard]] Result<std::optional<v1::Record>> next();
  // Where the next record stands or will stand.
  [[nodiscard]] const Position& position() const { return position_; }

 private:
  explicit Reader(std::string directory) : directory_(std::move(directory)) {}
  [[nodiscard]] Result<> enter(std::uint64_t segment);
  [[nodiscard]] Result<bool> enter_following();
  [[nodiscard]] Result<std::optional<std::string>> next_payload();
  [[nodiscard]] Result<> fill(std::size_t size);
  [[nodiscard]] std::string place() const;

  std::string directory_;
  Fd file_;
  Position position_;
  std::uint64_t wanted_ = 0;  // records below are skipped
  std::string buffer_;        // bytes of the file from position_.offset on
  std::size_t used_ = 0;      // bytes of buffer_ that are behind us
};

}  // namespace holdpoint::audit
