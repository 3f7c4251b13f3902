// SPDX-License-Identifier: Apache-2.0
// The version of a kernel, from its release: "6.1.0-44-amd64" is 6.1.
#pragma once

#include <charconv>
#include <compare>
#include <optional>
#include <string>

namespace holdpoint::doctor {

struct Version {
  unsigned major = 0;
  unsigned minor = 0;
  auto operator<=>(const Version&) const = default;
};

inline std::optional<Version> version_of(const std::string& release) {
  Version version;
  const char* end = release.data() + release.size();
  const auto major = std::from_chars(release.data(), end, version.major);
  if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return {};
  if (std::from_chars(major.ptr + 1, end, version.minor).ec != std::errc{}) return {};
  return version;
}

}  // namespace holdpoint::doctor
