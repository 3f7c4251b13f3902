// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "api/body.hpp"
#include "api/handlers/handlers.hpp"
#include "api/limits.hpp"
#include "api/problem.hpp"
#include "api/wire.hpp"

namespace holdpoint::api {
namespace {

// A name within the policy directory that the daemon reads.
bool good_file(const std::string& name) {
  return name.size() > 5 && name.ends_with(".yaml") && !name.starts_with('.') &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
             std::string::npos;
}

Outcome told(const Result<std::string>& warnings) {
  if (!warnings) return problem(warnings.error());
  return Reply{.body = dump({{"warnings", *warnings}}), .allow = {}};
}

}  // namespace

Outcome check_policy(const Call& call) {
  Fields body = Fields::of_body(call.in.body);
  const auto file = body.text("file", longest_name);
  const auto text = body.text("text", longest_policy);
  body.require(file.has_value(), "file");
  body.require(text.has_value(), "text");
  if (file && !good_file(*file)) body.wrong("\"file\" is no name such as 60-coder.yaml");
  if (auto error = body.error()) return *error;
  return told(call.service.check_policy(file.value_or(""), text.value_or("")));
}

Outcome reload_policy(const Call& call) {
  // There is nothing to say; an empty object is as good as no body.
  Fields body = Fields::of_body(call.in.body.empty() ? "{}" : call.in.body);
  if (auto error = body.error()) return *error;
  return told(call.service.reload_policy(call.caller));
}

}  // namespace holdpoint::api
