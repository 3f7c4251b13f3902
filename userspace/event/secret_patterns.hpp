// SPDX-License-Identifier: Apache-2.0
// The table of secret shapes. Add a row there and a sample to tests/unit/event/mask_samples.hpp.
#pragma once

#include <span>

namespace holdpoint::event {

struct SecretPattern {
  const char* name;  // for tests and people
  const char*
      hints;  // lower-case words, '|' between them: without any of them in the text the pattern is not tried
  const char* pattern;  // RE2 over bytes; every capture group that takes part in a match is a secret
  // Exceptions, nullptr = none: RE2 that the whole captured value matches, or that is found in the match before it.
  const char* plain_value = nullptr;
  const char* plain_name = nullptr;
};

[[nodiscard]] std::span<const SecretPattern> secret_patterns();

}  // namespace holdpoint::event
