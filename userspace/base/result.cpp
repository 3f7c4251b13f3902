// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

#include <system_error>

namespace holdpoint {

std::unexpected<Error> fail_errno(std::string what, int code) {
  return std::unexpected(Error{what + ": " + std::generic_category().message(code), {}, code});
}

}  // namespace holdpoint
