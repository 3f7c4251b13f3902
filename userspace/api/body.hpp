// SPDX-License-Identifier: Apache-2.0
// Reads a JSON body or a query strictly: a wrong type, a missing or an unknown name is an error that names it. The first
// error is kept; callers read all fields and ask once at the end.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "api/http.hpp"

namespace holdpoint::api {

class Fields {
 public:
  static Fields of_body(const std::string& body);
  static Fields of_query(const std::map<std::string, std::string>& query);

  [[nodiscard]] std::optional<std::string> text(const std::string& name, std::size_t longest);
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& name, std::uint64_t most);
  [[nodiscard]] std::map<std::string, std::string> texts(const std::string& name, std::size_t most,
                                                         std::size_t longest);
  void require(bool given, const std::string& name);
  void wrong(const std::string& what);

  // After the last field: the problem to answer with, if there is one.
  [[nodiscard]] std::optional<Reply> error();

 private:
  nlohmann::json object_ = nlohmann::json::object();
  std::set<std::string> known_;
  std::string error_;
  bool query_ = false;
};

}  // namespace holdpoint::api
