// SPDX-License-Identifier: Apache-2.0
#include "approval/fields.hpp"

#include <algorithm>

namespace holdpoint::approval {

Json masked_json(const MaskedText& text) { return Json::array({text.text(), text.hidden()}); }

MaskedText masked_from(const Json& value, const std::string& place, std::string& fault) {
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_number_unsigned() &&
      value[1].get<std::uint64_t>() <= std::numeric_limits<unsigned>::max())
    return event::restore_masked(value[0].get<std::string>(), value[1].get<unsigned>());
  if (fault.empty()) fault = place + ": a masked text [text, hidden bytes] was expected";
  return {};
}

Fields::Fields(const Json& object, std::string name, std::string& fault)
    : object_(object), name_(std::move(name)), fault_(fault) {
  if (!object_.is_object() && fault_.empty()) fault_ = name_ + ": an object was expected";
}

void Fields::fail(const char* key, const std::string& what) {
  if (fault_.empty()) fault_ = place(key) + ": " + what;
}

const Json* Fields::get(const char* key) {
  read_.emplace_back(key);
  if (!object_.is_object()) return nullptr;
  const auto at = object_.find(key);
  if (at == object_.end()) {
    fail(key, "is missing");
    return nullptr;
  }
  return &*at;
}

std::string Fields::text(const char* key) {
  const Json* value = get(key);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  fail(key, "a text was expected");
  return {};
}

bool Fields::flag(const char* key) {
  const Json* value = get(key);
  if (value != nullptr && value->is_boolean()) return value->get<bool>();
  fail(key, "true or false was expected");
  return false;
}

std::uint64_t Fields::number(const char* key, std::uint64_t most) {
  const Json* value = get(key);
  if (value != nullptr && value->is_number_unsigned() && value->get<std::uint64_t>() <= most)
    return value->get<std::uint64_t>();
  fail(key, "a number in range was expected");
  return 0;
}

std::int64_t Fields::signed_number(const char* key) {
  const Json* value = get(key);
  const bool fits =
      value != nullptr && value->is_number_integer() &&
      (!value->is_number_unsigned() ||
       value->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (fits) return value->get<std::int64_t>();
  fail(key, "a number in range was expected");
  return 0;
}

std::optional<WallTime> Fields::optional_time(const char* key) {
  const Json* value = get(key);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return time(key);
}

MaskedText Fields::masked(const char* key) {
  const Json* value = get(key);
  return value == nullptr ? MaskedText{} : masked_from(*value, place(key), fault_);
}

std::array<std::uint64_t, 2> Fields::pair(const char* key) {
  const Json* value = get(key);
  if (value != nullptr && value->is_array() && value->size() == 2 && (*value)[0].is_number_unsigned() &&
      (*value)[1].is_number_unsigned())
    return {(*value)[0].get<std::uint64_t>(), (*value)[1].get<std::uint64_t>()};
  fail(key, "two numbers were expected");
  return {};
}

std::vector<Json> Fields::list(const char* key) {
  const Json* value = get(key);
  if (value != nullptr && value->is_array()) return {value->begin(), value->end()};
  fail(key, "a list was expected");
  return {};
}

void Fields::finish() {
  if (!object_.is_object() || !fault_.empty()) return;
  for (const auto& [key, value] : object_.items())
    if (std::ranges::find(read_, key) == read_.end()) {
      fail(key.c_str(), "is not known");
      return;
    }
}

}  // namespace holdpoint::approval
