// SPDX-License-Identifier: Apache-2.0
// One record as one line for people, from its JSON view (which is what the API gives):
//
//   20:14:03  held      coder#12  read /home/ada/.ssh/id_ed25519  by cat[4711]  r-17  rule ssh-keys
#pragma once

#include <string>
#include <string_view>

#include "audit/time_text.hpp"
#include "base/result.hpp"
#include "holdpoint/record.pb.h"

namespace holdpoint::audit {

[[nodiscard]] std::string line(const v1::Record& record, ClockStyle style);
// Whatever the server sent, the line holds nothing that a terminal acts on. Error: not a record's JSON.
[[nodiscard]] Result<std::string> line_of_json(std::string_view json, ClockStyle style);

}  // namespace holdpoint::audit
