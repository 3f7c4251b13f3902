// SPDX-License-Identifier: Apache-2.0
// The word for a record's kind: "hold", "decision", "denial", … Part of the JSON view and of the API; never changed.
#pragma once

#include <string_view>

#include "holdpoint/record.pb.h"

namespace holdpoint::audit {

// "unknown" for a kind of a newer version.
[[nodiscard]] std::string_view kind_word(const v1::Record& record);

}  // namespace holdpoint::audit
