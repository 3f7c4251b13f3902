// SPDX-License-Identifier: Apache-2.0
// Values → JSON as openapi.yaml describes it. Texts are masked before they come here. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/counters.hpp"
#include "api/service.hpp"

namespace holdpoint::api {

[[nodiscard]] nlohmann::json to_json(const approval::Principal& principal);
// `ledger` gives the request's session: who owns it and what was claimed for it.
[[nodiscard]] nlohmann::json to_json(const approval::Request& request, const approval::Ledger& ledger);
[[nodiscard]] nlohmann::json to_json(const approval::Session& session, const approval::Ledger& ledger);
[[nodiscard]] nlohmann::json to_json(const ModeRow& row);
[[nodiscard]] nlohmann::json to_json(const approval::Grant& grant, Now now);
[[nodiscard]] nlohmann::json to_json(const approval::Lockdown& lockdown);
[[nodiscard]] nlohmann::json to_json(const approval::Disarming& disarming);
[[nodiscard]] nlohmann::json to_json(const Health& health, const Counters& counters, Now now);
// The record as it is in the log, with its sequence and kind. Not JSON: an object that says so, so that no record vanishes.
[[nodiscard]] nlohmann::json to_json(const StreamEvent& event);

[[nodiscard]] std::string state_text(approval::RequestState state);
[[nodiscard]] std::string scope_text(approval::Scope scope);

// One line; bytes that are not UTF-8 become U+FFFD instead of an exception.
[[nodiscard]] std::string dump(const nlohmann::json& json);

}  // namespace holdpoint::api
