// SPDX-License-Identifier: Apache-2.0
#include "api/router.hpp"

#include <array>

#include "api/handlers/handlers.hpp"
#include "api/problem.hpp"

namespace holdpoint::api {
namespace {

constexpr std::array table{
    Route{"GET", "/v1/requests", Access::member, list_requests},
    Route{"GET", "/v1/requests/{id}", Access::member, show_request},
    Route{"POST", "/v1/requests/{id}/decision", Access::member, decide_request},
    Route{"GET", "/v1/requests/{id}/wait", Access::member, wait_for_request},
    Route{"GET", "/v1/sessions", Access::member, list_sessions},
    Route{"POST", "/v1/sessions", Access::member, start_session},
    Route{"POST", "/v1/tags", Access::root, add_tag},
    Route{"DELETE", "/v1/tags/{session}", Access::root, remove_tag},
    Route{"GET", "/v1/grants", Access::member, list_grants},
    Route{"DELETE", "/v1/grants/{id}", Access::member, revoke_grant},
    Route{"POST", "/v1/lockdown", Access::root, lock_down},
    Route{"DELETE", "/v1/lockdown", Access::root, release_lockdown},
    Route{"POST", "/v1/disarm", Access::root, disarm},
    Route{"DELETE", "/v1/disarm", Access::root, arm},
    Route{"GET", "/v1/records", Access::member, list_records},
    Route{"GET", "/v1/events", Access::member, stream_events},
    Route{"GET", "/v1/modes", Access::member, list_modes},
    Route{"PUT", "/v1/modes", Access::member, set_mode},
    Route{"POST", "/v1/policy/check", Access::root, check_policy},
    Route{"POST", "/v1/policy/reload", Access::root, reload_policy},
    Route{"GET", "/v1/health", Access::member, show_health},
};

// What stands for {…}; empty string where the pattern has none; nothing when the path is another one.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  const std::size_t open = pattern.find('{');
  if (open == std::string_view::npos) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  const std::string_view before = pattern.substr(0, open);
  const std::string_view after = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + after.size()) return {};
  if (!path.starts_with(before) || !path.ends_with(after)) return {};
  const std::string_view middle = path.substr(before.size(), path.size() - before.size() - after.size());
  if (middle.find('/') != std::string_view::npos) return {};
  return std::string(middle);
}

// Tagged first: an agent must not learn more from root's socket than that it may not use it.
std::optional<Reply> refuse_caller(const Caller& caller, const Service& service, Counters& counters) {
  if (service.caller_is_tagged(caller.pid)) {
    ++counters.refused_tagged;
    Reply reply = problem(403, "tagged", "an agent's process may not use this socket",
                          "people answer an agent's requests; use a shell that no agent session started");
    reply.close = true;
    return reply;
  }
  if (!caller.may_decide) {
    ++counters.refused_not_member;
    Reply reply = problem(403, "not-member", "you are neither root nor in the group that may use Holdpoint",
                          "an administrator can add you: usermod -aG holdpoint " +
                              (caller.principal.name.empty() ? caller.principal.id : caller.principal.name) +
                              "; then log in again");
    reply.close = true;
    return reply;
  }
  return {};
}

}  // namespace

std::span<const Route> routes() { return table; }

Outcome dispatch(const Incoming& in, const Caller& caller, Service& service, Counters& counters, Now now) {
  if (auto refusal = refuse_caller(caller, service, counters)) return *refusal;
  std::string allowed;
  for (const Route& route : table) {
    const auto parameter = match(route.pattern, in.path);
    if (!parameter) continue;
    if (route.method != in.method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    if (route.access == Access::root && caller.uid != 0) {
      return problem(403, "not-root", "only root may do this", "run the command with sudo");
    }
    return route.handle(Call{in, *parameter, caller, service, counters, now});
  }
  if (allowed.empty()) {
    return problem(404, "no-such-path", "there is nothing at " + in.path, "openapi.yaml lists every path");
  }
  Reply reply =
      problem(405, "no-such-method", in.method + " is not possible at " + in.path, "possible: " + allowed);
  reply.allow = allowed;
  return reply;
}

}  // namespace holdpoint::api
