// SPDX-License-Identifier: Apache-2.0
// Errors as RFC 9457 problem details: {type, title, status, detail, code, hint}. `code` is for programs and never changes
// its meaning; `detail` says what was wrong, `hint` what to do next.
#pragma once

#include <string>

#include "api/http.hpp"

namespace holdpoint::api {

[[nodiscard]] Reply problem(unsigned status, const std::string& code, const std::string& detail,
                            const std::string& hint = {});
[[nodiscard]] Reply problem(const approval::DecideError& error);
// Of the service: "refused" (422) unless its errno says that something is missing, forbidden, busy or broken, or that
// the store could not write ("not-stored", 503).
[[nodiscard]] Reply problem(const Error& error);

}  // namespace holdpoint::api
