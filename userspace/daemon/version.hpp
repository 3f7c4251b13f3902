// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace holdpoint::daemon {

inline constexpr const char* kVersion = HOLDPOINT_VERSION;

}  // namespace holdpoint::daemon
