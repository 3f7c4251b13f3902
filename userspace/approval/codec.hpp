// SPDX-License-Identifier: Apache-2.0
// Values as JSON text for the store, and back. Reading is strict: a missing or unknown key, a wrong type, an
// unknown word or a number out of range is an error, because a value that was read half would be decided upon
// half.
#pragma once

#include <string>

#include "approval/values.hpp"
#include "base/result.hpp"

namespace holdpoint::approval {

// Bytes that are not UTF-8 become U+FFFD: nothing an agent names may make a save fail.
[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] std::string encode(const Grant& grant);
[[nodiscard]] std::string encode(const Session& session);

// Errors name the key.
[[nodiscard]] Result<Request> decode_request(const std::string& text);
[[nodiscard]] Result<Grant> decode_grant(const std::string& text);
[[nodiscard]] Result<Session> decode_session(const std::string& text);

}  // namespace holdpoint::approval
