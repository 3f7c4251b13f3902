// SPDX-License-Identifier: Apache-2.0
// The table of everything that can be called, and the one way to call it.
#pragma once

#include <span>
#include <string_view>

#include "api/http.hpp"

namespace holdpoint::api {

// Who may call: a person who may decide (root, group `holdpoint`), or root alone.
enum class Access { member, root };

struct Route {
  std::string_view method;   // "GET"
  std::string_view pattern;  // "/v1/requests/{id}": at most one {name}, standing for one whole part
  Access access;
  Outcome (*handle)(const Call&);
};

[[nodiscard]] std::span<const Route> routes();

// Checks the caller, finds the route, calls it. Every failure is a problem reply. `counters` counts refusals.
[[nodiscard]] Outcome dispatch(const Incoming& in, const Caller& caller, Service& service, Counters& counters,
                               Now now);

}  // namespace holdpoint::api
