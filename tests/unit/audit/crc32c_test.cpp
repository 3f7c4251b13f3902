// SPDX-License-Identifier: Apache-2.0
#include "audit/crc32c.hpp"

#include <gtest/gtest.h>

#include <string>

namespace holdpoint::audit {
namespace {

// Values of RFC 3720, appendix B.4.
TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(Crc32c, MayBeFedInParts) { EXPECT_EQ(crc32c("456789", crc32c("123")), crc32c("123456789")); }

}  // namespace
}  // namespace holdpoint::audit
