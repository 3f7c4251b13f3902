// SPDX-License-Identifier: Apache-2.0
// Records on their way to the log. They are stored in the transaction of what they tell, so that a crash between the two
// loses none; the log has the number of each, so that none is written twice.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace holdpoint::audit {
class Log;
}

namespace holdpoint::approval {

// A record as bytes. Only the log makes one, out of an entry of masked values; the store does not look inside.
class RecordBytes {
 public:
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  friend class audit::Log;
  friend class Store;
  explicit RecordBytes(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string bytes_;
};

// With its number in the store: 1 is the first, never reused.
struct KeptRecord {
  std::uint64_t number = 0;
  RecordBytes record;
};

}  // namespace holdpoint::approval
