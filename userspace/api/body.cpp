// SPDX-License-Identifier: Apache-2.0
#include "api/body.hpp"

#include <charconv>

#include "api/problem.hpp"

namespace holdpoint::api {

using nlohmann::json;

Fields Fields::of_body(const std::string& body) {
  Fields fields;
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) {
    fields.wrong("the body is not a JSON object");
    return fields;
  }
  fields.object_ = std::move(parsed);
  return fields;
}

Fields Fields::of_query(const std::map<std::string, std::string>& query) {
  Fields fields;
  fields.query_ = true;
  for (const auto& [key, value] : query) fields.object_[key] = value;
  return fields;
}

void Fields::wrong(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void Fields::require(bool given, const std::string& name) {
  if (!given) wrong("\"" + name + "\" is missing");
}

std::optional<std::string> Fields::text(const std::string& name, std::size_t longest) {
  known_.insert(name);
  const auto found = object_.find(name);
  if (found == object_.end()) return {};
  if (!found->is_string()) {
    wrong("\"" + name + "\" is not a string");
    return {};
  }
  auto value = found->get<std::string>();
  if (value.size() > longest) {
    wrong("\"" + name + "\" is longer than " + std::to_string(longest) + " bytes");
    return {};
  }
  return value;
}

std::optional<std::uint64_t> Fields::number(const std::string& name, std::uint64_t most) {
  known_.insert(name);
  const auto found = object_.find(name);
  if (found == object_.end()) return {};
  std::uint64_t value = 0;
  bool good = false;
  if (found->is_number_unsigned()) {
    value = found->get<std::uint64_t>();
    good = true;
  } else if (query_) {
    const auto& text = found->get_ref<const std::string&>();
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    good = code == std::errc{} && end == text.data() + text.size();
  }
  if (!good || value > most) {
    wrong("\"" + name + "\" is not a whole number from 0 to " + std::to_string(most));
    return {};
  }
  return value;
}

std::map<std::string, std::string> Fields::texts(const std::string& name, std::size_t most,
                                                 std::size_t longest) {
  known_.insert(name);
  std::map<std::string, std::string> out;
  const auto found = object_.find(name);
  if (found == object_.end()) return out;
  if (!found->is_object()) {
    wrong("\"" + name + "\" is not an object");
    return out;
  }
  if (found->size() > most) wrong("\"" + name + "\" has more than " + std::to_string(most) + " entries");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string() || key.size() > longest || value.get_ref<const std::string&>().size() > longest) {
      wrong("\"" + name + "\": keys and values are strings of at most " + std::to_string(longest) + " bytes");
      return out;
    }
    out[key] = value.get<std::string>();
  }
  return out;
}

std::optional<Reply> Fields::error() {
  for (const auto& [key, value] : object_.items()) {
    if (!known_.contains(key)) wrong("\"" + key + "\" is not known here");
  }
  if (error_.empty()) return {};
  return problem(query_ ? 400 : 422, query_ ? "bad-query" : "bad-body", error_,
                 "openapi.yaml lists what each call takes");
}

}  // namespace holdpoint::api
