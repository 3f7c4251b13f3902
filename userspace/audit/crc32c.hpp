// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, as in iSCSI and ext4): finds torn and rotten frames. It is no protection against people.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdpoint::audit {

// `crc` is the result for the bytes before, 0 at the start.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t crc = 0);

}  // namespace holdpoint::audit
