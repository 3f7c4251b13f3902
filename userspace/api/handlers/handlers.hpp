// SPDX-License-Identifier: Apache-2.0
// One function per route; each resource has its file. A handler reads its input strictly, asks the service, and answers
// with a value. To add one: write it here and there, add its line in router.cpp and its path in openapi.yaml.
#pragma once

#include "api/http.hpp"

namespace holdpoint::api {

[[nodiscard]] Outcome list_requests(const Call& call);
[[nodiscard]] Outcome show_request(const Call& call);
[[nodiscard]] Outcome decide_request(const Call& call);
[[nodiscard]] Outcome wait_for_request(const Call& call);
[[nodiscard]] Outcome list_sessions(const Call& call);
[[nodiscard]] Outcome start_session(const Call& call);
[[nodiscard]] Outcome add_tag(const Call& call);
[[nodiscard]] Outcome remove_tag(const Call& call);
[[nodiscard]] Outcome list_grants(const Call& call);
[[nodiscard]] Outcome revoke_grant(const Call& call);
[[nodiscard]] Outcome list_records(const Call& call);
[[nodiscard]] Outcome stream_events(const Call& call);
[[nodiscard]] Outcome lock_down(const Call& call);
[[nodiscard]] Outcome release_lockdown(const Call& call);
[[nodiscard]] Outcome disarm(const Call& call);
[[nodiscard]] Outcome arm(const Call& call);
[[nodiscard]] Outcome list_modes(const Call& call);
[[nodiscard]] Outcome set_mode(const Call& call);
[[nodiscard]] Outcome check_policy(const Call& call);
[[nodiscard]] Outcome reload_policy(const Call& call);
[[nodiscard]] Outcome show_health(const Call& call);

}  // namespace holdpoint::api
