// SPDX-License-Identifier: Apache-2.0
#include "approval/codec.hpp"
#include "approval/fields.hpp"
#include "approval/text.hpp"

namespace holdpoint::approval {
namespace {

Json nanoseconds(WallTime time) { return time.time_since_epoch().count(); }
Json nanoseconds(const std::optional<WallTime>& time) { return time ? nanoseconds(*time) : Json(); }

Json json(const Principal& who) { return {{"kind", who.kind}, {"id", who.id}, {"name", who.name}}; }

Json json(const Hold& hold) {
  return {{"id", hold.id},
          {"kernel_digest", hold.kernel_digest},
          {"tid", hold.tid},
          {"tgid", hold.tgid},
          {"start_time", hold.start_time},
          {"since", nanoseconds(hold.since)},
          {"state", hold_state_text(hold.state)},
          {"answered", hold.answered ? Json(*hold.answered) : Json()},
          {"ended_how", hold.ended_how}};
}

Json json(const Decision& decision) {
  return {{"approve", decision.approve},
          {"scope", scope_text(decision.scope)},
          {"lifetime", decision.lifetime.count()},
          {"reason", masked_json(decision.reason)},
          {"by", json(decision.by)},
          {"channel", decision.channel},
          {"digest", decision.digest},
          {"at", nanoseconds(decision.at)}};
}

Json json(const RuleView& rule) {
  return {{"id", rule.id},
          {"reason", rule.reason},
          {"generation", rule.generation},
          {"timeout", rule.timeout.count()}};
}

Json json(const event::MaskedAccess& access) {
  Json argv = Json::array();
  for (const MaskedText& argument : access.argv) argv.push_back(masked_json(argument));
  Json environment = Json::array();
  for (const MaskedText& variable : access.environment) environment.push_back(masked_json(variable));
  Json ancestors = Json::array();
  for (const auto& [pid, command] : access.ancestors)
    ancestors.push_back({{"pid", pid}, {"command", masked_json(command)}});
  Json bound = Json::array();
  for (const event::MaskedBoundFile& file : access.bound)
    bound.push_back({{"path", masked_json(file.path)},
                     {"sha256", file.sha256},
                     {"size", file.size},
                     {"first_lines", masked_json(file.first_lines)}});
  return {{"operation", access.operation},
          {"object", masked_json(access.object)},
          {"argv", std::move(argv)},
          {"environment", std::move(environment)},
          {"executable", masked_json(access.executable)},
          {"directory", masked_json(access.directory)},
          {"ancestors", std::move(ancestors)},
          {"bound", std::move(bound)},
          {"warnings", access.warnings}};
}

std::string dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string encode(const Request& request) {
  Json holds = Json::array();
  for (const Hold& hold : request.holds) holds.push_back(json(hold));
  return dump({{"id", request.id},
               {"digest", request.digest},
               {"state", state_text(request.state)},
               {"session", request.session},
               {"agent", request.agent},
               {"rule", json(request.rule)},
               {"access", json(request.access)},
               {"comm", masked_json(request.comm)},
               {"tgid", request.tgid},
               {"uid", request.uid},
               {"bindable", request.bindable},
               {"created", nanoseconds(request.created)},
               {"deadline", nanoseconds(request.deadline)},
               {"holds", std::move(holds)},
               {"decision", request.decision ? json(*request.decision) : Json()},
               {"outcome", request.outcome}});
}

std::string encode(const Grant& grant) {
  return dump({{"id", grant.id},
               {"request", grant.request},
               {"digest", grant.digest},
               {"kernel_digest", grant.kernel_digest},
               {"session", grant.session},
               {"agent", grant.agent},
               {"scope", scope_text(grant.scope)},
               {"uses", grant.uses ? Json(*grant.uses) : Json()},
               {"created", nanoseconds(grant.created)},
               {"not_after", nanoseconds(grant.not_after)},
               {"by", json(grant.by)},
               {"revoked", nanoseconds(grant.revoked)},
               {"object", masked_json(grant.object)},
               {"operation", grant.operation}});
}

std::string encode(const Session& session) {
  return dump({{"id", session.id},
               {"agent", session.agent},
               {"cgroup_path", session.cgroup_path},
               {"recognised_by", session.recognised_by},
               {"tagged_by", session.tagged_by},
               {"owner", json(session.owner)},
               {"on_behalf_of", masked_json(session.claims.on_behalf_of)},
               {"purpose", masked_json(session.claims.purpose)},
               {"labels", Json(session.claims.labels)},
               {"started", nanoseconds(session.started)},
               {"ended", nanoseconds(session.ended)}});
}

}  // namespace holdpoint::approval
