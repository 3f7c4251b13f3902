// SPDX-License-Identifier: Apache-2.0
// A record as one line of plain JSON, for the API's stream and `holdpoint log --json`. README.md lists the members. The order
// of members is fixed, and members are only ever added.
#pragma once

#include <string>

#include "holdpoint/record.pb.h"

namespace holdpoint::audit {

[[nodiscard]] std::string to_json(const v1::Record& record);

}  // namespace holdpoint::audit
