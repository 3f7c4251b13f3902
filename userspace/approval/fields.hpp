// SPDX-License-Identifier: Apache-2.0
// Reads one JSON object strictly. The first fault is kept, later reads give empty values, and finish() tells.
#pragma once

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "approval/values.hpp"

namespace holdpoint::approval {

using Json = nlohmann::json;

class Fields {
 public:
  // `fault` outlives this; a fault that is there already is kept.
  Fields(const Json& object, std::string name, std::string& fault);

  [[nodiscard]] const Json* get(const char* key);
  [[nodiscard]] std::string text(const char* key);
  [[nodiscard]] bool flag(const char* key);
  [[nodiscard]] std::uint64_t number(const char* key,
                                     std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
  [[nodiscard]] std::int64_t signed_number(const char* key);
  [[nodiscard]] WallTime time(const char* key) {
    return WallTime(std::chrono::nanoseconds(signed_number(key)));
  }
  [[nodiscard]] std::optional<WallTime> optional_time(const char* key);
  [[nodiscard]] MaskedText masked(const char* key);
  [[nodiscard]] std::array<std::uint64_t, 2> pair(const char* key);
  [[nodiscard]] std::vector<Json> list(const char* key);
  [[nodiscard]] std::string place(const std::string& key) const { return name_ + "." + key; }
  void fail(const char* key, const std::string& what);
  // Every key must have been read.
  void finish();

 private:
  const Json& object_;
  std::string name_;
  std::string& fault_;
  std::vector<std::string> read_;
};

// A masked text that stands alone, as [text, hidden bytes].
[[nodiscard]] Json masked_json(const MaskedText& text);
[[nodiscard]] MaskedText masked_from(const Json& value, const std::string& place, std::string& fault);

}  // namespace holdpoint::approval
