// SPDX-License-Identifier: Apache-2.0
#include "api/wire.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/time_text.hpp"

namespace holdpoint::api {

using nlohmann::json;

namespace {

std::int64_t in_seconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

json time_or_null(const std::optional<WallTime>& time) { return time ? json(rfc3339(*time)) : json(nullptr); }

std::string hold_state_text(approval::HoldState state) {
  switch (state) {
    case approval::HoldState::held: return "held";
    case approval::HoldState::refused: return "refused";
    case approval::HoldState::released: return "released";
    case approval::HoldState::ended: return "ended";
  }
  return "ended";
}

json hold_json(const approval::Hold& hold) {
  return {{"id", hold.id},
          {"thread", hold.tid},
          {"process", hold.tgid},
          {"since", rfc3339(hold.since)},
          {"state", hold_state_text(hold.state)},
          {"ended_how", hold.ended_how}};
}

json decision_json(const approval::Decision& decision) {
  json out{{"decision", decision.approve ? "approve" : "deny"},
           {"scope", scope_text(decision.scope)},
           {"reason", decision.reason.text()},
           {"by", to_json(decision.by)},
           {"channel", decision.channel},
           {"at", rfc3339(decision.at)}};
  if (decision.scope == approval::Scope::duration) out["lifetime_seconds"] = in_seconds(decision.lifetime);
  return out;
}

json access_json(const event::MaskedAccess& access) {
  unsigned hidden = access.object.hidden();
  json environment = json::array();
  for (const auto& variable : access.environment) {
    environment.push_back(variable.text());
    hidden += variable.hidden();
  }
  json argv = json::array();
  for (const auto& argument : access.argv) {
    argv.push_back(argument.text());
    hidden += argument.hidden();
  }
  json bound = json::array();
  for (const auto& file : access.bound) {
    bound.push_back({{"path", file.path.text()},
                     {"sha256", file.sha256},
                     {"size", file.size},
                     {"first_lines", file.first_lines.text()}});
    hidden += file.path.hidden() + file.first_lines.hidden();
  }
  json ancestors = json::array();
  for (const auto& [pid, command] : access.ancestors)
    ancestors.push_back({{"pid", pid}, {"command", command.text()}});
  return {{"operation", access.operation},
          {"object", access.object.text()},
          {"argv", argv},
          {"environment", environment},
          {"executable", access.executable.text()},
          {"directory", access.directory.text()},
          {"ancestors", ancestors},
          {"bound", bound},
          {"warnings", access.warnings},
          {"hidden_bytes", hidden}};
}

// What a reviewer must know about the session, wherever it is named.
json session_core(const approval::Session& session) {
  return {{"id", session.id},
          {"agent", session.agent},
          {"cgroup", event::mask(session.cgroup_path).text()},
          {"recognised_by", session.recognised_by},
          {"tagged_by", session.tagged_by},
          {"owner", to_json(session.owner)},
          {"claims",
           {{"on_behalf_of", session.claims.on_behalf_of.text()},
            {"purpose", session.claims.purpose.text()},
            {"labels", session.claims.labels}}},
          {"started", rfc3339(session.started)},
          {"ended", time_or_null(session.ended)}};
}

}  // namespace

std::string state_text(approval::RequestState state) {
  switch (state) {
    case approval::RequestState::open: return "open";
    case approval::RequestState::approved: return "approved";
    case approval::RequestState::denied: return "denied";
    case approval::RequestState::expired: return "expired";
    case approval::RequestState::cancelled: return "cancelled";
    case approval::RequestState::superseded: return "superseded";
  }
  return "cancelled";
}

std::string scope_text(approval::Scope scope) {
  switch (scope) {
    case approval::Scope::once: return "once";
    case approval::Scope::session: return "session";
    case approval::Scope::duration: return "duration";
  }
  return "once";
}

json to_json(const approval::Principal& principal) {
  return {{"kind", principal.kind}, {"id", principal.id}, {"name", principal.name}};
}

json to_json(const approval::Request& request, const approval::Ledger& ledger) {
  json holds = json::array();
  for (const auto& hold : request.holds) holds.push_back(hold_json(hold));
  const approval::Session* session = ledger.session(request.session);
  return {{"id", request.id},
          {"digest", request.digest},
          {"state", state_text(request.state)},
          {"agent", request.agent},
          {"session", request.session},
          {"session_detail", session != nullptr ? session_core(*session) : json(nullptr)},
          {"rule",
           {{"id", request.rule.id},
            {"reason", request.rule.reason},
            {"generation", request.rule.generation},
            {"timeout_seconds", in_seconds(request.rule.timeout)}}},
          {"access", access_json(request.access)},
          {"process", {{"pid", request.tgid}, {"name", request.comm.text()}, {"uid", request.uid}}},
          {"created", rfc3339(request.created)},
          {"deadline", rfc3339(request.deadline)},
          {"holds", holds},
          {"decision", request.decision ? decision_json(*request.decision) : json(nullptr)},
          {"outcome", request.outcome}};
}

json to_json(const approval::Session& session, const approval::Ledger& ledger) {
  json out = session_core(session);
  const auto requests = ledger.requests();
  out["open_requests"] = std::ranges::count_if(requests, [&](const approval::Request* request) {
    return request->session == session.id && request->state == approval::RequestState::open;
  });
  return out;
}

json to_json(const ModeRow& row) {
  return {{"agent", row.agent},
          {"rule", row.rule.empty() ? json(nullptr) : json(row.rule)},
          {"mode", row.mode},
          {"written", row.written.empty() ? json(nullptr) : json(row.written)},
          {"since", time_or_null(row.since)},
          {"by", row.by ? to_json(*row.by) : json(nullptr)},
          {"reason", row.reason.text()},
          {"known", row.known}};
}

json to_json(const approval::Grant& grant, Now now) {
  const bool live = !grant.revoked && now.wall < grant.not_after && (!grant.uses || *grant.uses > 0);
  return {{"id", grant.id},
          {"request", grant.request},
          {"digest", grant.digest},
          {"session", grant.session},
          {"agent", grant.agent},
          {"scope", scope_text(grant.scope)},
          {"uses", grant.uses ? json(*grant.uses) : json(nullptr)},
          {"created", rfc3339(grant.created)},
          {"not_after", rfc3339(grant.not_after)},
          {"by", to_json(grant.by)},
          {"revoked", time_or_null(grant.revoked)},
          {"operation", grant.operation},
          {"object", grant.object.text()},
          {"live", live}};
}

json to_json(const approval::Lockdown& lockdown) {
  const auto& scope = lockdown.scope;
  return {{"scope", approval::scope_word(scope)},
          {"agent", scope.agent.empty() ? json(nullptr) : json(scope.agent)},
          {"session", scope.session == 0 ? json(nullptr) : json(scope.session)},
          {"reason", lockdown.reason.text()},
          {"by", to_json(lockdown.by)},
          {"since", rfc3339(lockdown.since)}};
}

json to_json(const approval::Disarming& disarming) {
  return {{"reason", disarming.reason.text()},
          {"by", to_json(disarming.by)},
          {"since", rfc3339(disarming.since)},
          {"until", rfc3339(disarming.until)}};
}

json to_json(const Health& health, const Counters& counters, Now now) {
  json all = json::object();
  for (const auto& [name, value] : health.counters) all[name] = value;
  for (const auto& [name, value] : counters.named()) all[name] = value;
  json lockdowns = json::array();
  for (const auto& lockdown : health.lockdowns) lockdowns.push_back(to_json(lockdown));
  return {{"enforcing", health.enforcing},
          {"lockdowns", lockdowns},
          {"disarmed", health.disarming ? to_json(*health.disarming) : json(nullptr)},
          {"kernel", health.kernel},
          {"version", health.version},
          {"policy",
           {{"generation", health.policy_generation},
            {"digest", health.policy_digest},
            {"directory", health.policy_directory}}},
          {"observed", health.observed},
          {"counters", all},
          {"problems", health.problems},
          {"started", rfc3339(health.started)},
          {"time", rfc3339(now.wall)}};
}

json to_json(const StreamEvent& event) {
  json out = json::parse(event.json, nullptr, false);
  if (!out.is_object()) out = {{"detail", "this record cannot be shown: it is not JSON"}};
  out["sequence"] = event.sequence;
  out["kind"] = event.kind;
  return out;
}

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace holdpoint::api
