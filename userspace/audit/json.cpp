// SPDX-License-Identifier: Apache-2.0
#include "audit/json.hpp"

#include <nlohmann/json.hpp>

#include "audit/kind.hpp"
#include "audit/time_text.hpp"

namespace holdpoint::audit {
namespace {

using Ordered = nlohmann::ordered_json;

// Writes the members; adds up what was hidden, so that a reader sees at once that something was.
class Writer {
 public:
  Ordered finish(const v1::Record& record) {
    common(record);
    kind(record);
    if (hidden_ != 0) json_["hidden_bytes"] = hidden_;
    return std::move(json_);
  }

 private:
  std::string text(const v1::Masked& masked) {
    hidden_ += masked.hidden();
    if (masked.cut() == 0) return masked.text();
    return masked.text() + "… (" + std::to_string(masked.cut()) + " bytes more)";
  }
  void put(const char* name, const std::string& value) {
    if (!value.empty()) json_[name] = value;
  }
  void put(const char* name, const v1::Masked& value) { put(name, text(value)); }
  void put(const char* name, std::uint64_t value) {
    if (value != 0) json_[name] = value;
  }
  template <typename Messages>
  Ordered texts(const Messages& messages) {
    auto list = Ordered::array();
    for (const auto& message : messages) list.push_back(text(message));
    return list;
  }

  void common(const v1::Record& record);
  void kind(const v1::Record& record);
  void access(const v1::Access& access);
  void process(const v1::Process& process);
  void policy_and_daemon(const v1::Record& record);
  void session(const v1::SessionStarted& session);
  void decision(const v1::Decided& decision);
  template <typename Message>
  void tried(const Message& message) {
    access(message.access());
    process(message.process());
  }
  template <typename Message>
  void what(const Message& message) {
    put("operation", message.operation());
    put("object", message.object());
  }

  Ordered json_ = Ordered::object();
  std::uint64_t hidden_ = 0;
};

void Writer::common(const v1::Record& record) {
  json_["sequence"] = record.sequence();
  json_["time"] = rfc3339(record.wall_time_ns());
  json_["boot_time_ns"] = record.boot_time_ns();
  json_["boot_id"] = record.boot_id();
  json_["host"] = record.host();
  json_["kind"] = kind_word(record);
  put("agent", record.agent());
  put("session", record.session());
  put("request", record.request());
  put("grant", record.grant());
  put("hold", record.hold());
  put("rule", record.rule());
  put("digest", record.digest());
  put("policy_generation", record.policy_generation());
  if (record.has_actor())
    json_["actor"] = {
        {"kind", record.actor().kind()}, {"id", record.actor().id()}, {"name", text(record.actor().name())}};
}

void Writer::access(const v1::Access& access) {
  auto out = Ordered::object();
  out["operation"] = access.operation();
  out["object"] = text(access.object());
  if (access.argv_size() != 0) out["argv"] = texts(access.argv());
  if (access.environment_size() != 0) out["environment"] = texts(access.environment());
  if (access.has_executable()) out["executable"] = text(access.executable());
  if (access.has_directory()) out["directory"] = text(access.directory());
  for (const auto& ancestor : access.ancestors())
    out["ancestors"].push_back({{"pid", ancestor.pid()}, {"command", text(ancestor.command())}});
  for (const auto& file : access.bound())
    out["bound"].push_back({{"path", text(file.path())}, {"sha256", file.sha256()}, {"size", file.size()}});
  if (access.bound_omitted() != 0) out["bound_omitted"] = access.bound_omitted();
  if (access.warnings_size() != 0) out["warnings"] = texts(access.warnings());
  json_["access"] = std::move(out);
}

void Writer::process(const v1::Process& process) {
  auto out = Ordered::object();
  out["pid"] = process.pid();
  if (process.tid() != 0) out["tid"] = process.tid();
  if (process.parent() != 0) out["parent"] = process.parent();
  out["comm"] = text(process.comm());
  out["uid"] = process.uid();
  if (process.start_time_ns() != 0) out["start_time_ns"] = process.start_time_ns();
  json_["process"] = std::move(out);
}

void Writer::session(const v1::SessionStarted& session) {
  put("cgroup", session.cgroup());
  put("recognised_by", session.recognised_by());
  if (!session.tagged_by().empty()) put("tagged_by", session.tagged_by());
  auto claims = Ordered::object();
  if (session.has_on_behalf_of()) claims["on_behalf_of"] = text(session.on_behalf_of());
  if (session.has_purpose()) claims["purpose"] = text(session.purpose());
  // A protobuf map has no order of its own.
  const std::map<std::string, std::string> labels(session.labels().begin(), session.labels().end());
  if (!labels.empty()) claims["labels"] = labels;
  json_["claims"] = std::move(claims);
}

void Writer::decision(const v1::Decided& decision) {
  json_["approve"] = decision.approve();
  put("scope", decision.scope());
  put("lifetime_ns", decision.lifetime_ns());
  put("reason", decision.reason());
  put("channel", decision.channel());
  what(decision);
  json_["holds"] = decision.holds();
}

void Writer::policy_and_daemon(const v1::Record& record) {
  if (record.has_daemon_started()) {
    put("version", record.daemon_started().version());
    put("kernel", record.daemon_started().kernel());
    put("binary_digest", record.daemon_started().binary_digest());
    put("bpf_digest", record.daemon_started().bpf_digest());
  } else if (record.has_daemon_stopped()) {
    put("reason", record.daemon_stopped().reason());
  } else if (record.has_policy_loaded()) {
    json_["files"] = texts(record.policy_loaded().files());
    put("origin", record.policy_loaded().origin());
  } else if (record.has_policy_refused()) {
    put("error", record.policy_refused().error());
  } else if (record.has_operator_()) {
    put("action", record.operator_().action());
    put("scope", record.operator_().scope());
    put("reason", record.operator_().reason());
    if (record.operator_().until_ns() != 0) json_["until"] = rfc3339(record.operator_().until_ns());
  }
}

void Writer::kind(const v1::Record& record) {
  using Kind = v1::Record;
  switch (record.kind_case()) {
    case Kind::kSessionStarted: session(record.session_started()); break;
    case Kind::kSessionEnded: put("how", record.session_ended().how()); break;
    case Kind::kHeld:
      json_["refused"] = record.held().refused();
      json_["by_grant"] = record.held().by_grant();
      tried(record.held());
      break;
    case Kind::kRequestOpened:
      put("reason", record.request_opened().reason());
      json_["deadline"] = rfc3339(record.request_opened().deadline_ns());
      json_["only_deny"] = record.request_opened().only_deny();
      tried(record.request_opened());
      break;
    case Kind::kDecided: decision(record.decided()); break;
    case Kind::kExpired: what(record.expired()), put("outcome", record.expired().outcome()); break;
    case Kind::kCancelled: what(record.cancelled()), put("how", record.cancelled().how()); break;
    case Kind::kSuperseded: what(record.superseded()), put("why", record.superseded().why()); break;
    case Kind::kReleased:
      json_["allowed"] = record.released().allowed();
      what(record.released());
      put("detail", record.released().detail());
      break;
    case Kind::kDenied:
      put("cause", record.denied().cause());
      put("detail", record.denied().detail());
      put("times", record.denied().times());
      if (record.denied().has_access()) tried(record.denied());
      break;
    case Kind::kLogged:
      put("cause", record.logged().cause());
      put("verdict", record.logged().verdict());
      put("times", record.logged().times());
      if (record.logged().has_access()) tried(record.logged());
      break;
    case Kind::kGranted: tried(record.granted()); break;
    case Kind::kTampered: tried(record.tampered()); break;
    case Kind::kGuardTouched:
      put("cause", record.guard_touched().cause());
      tried(record.guard_touched());
      break;
    case Kind::kGrantMade:
      put("scope", record.grant_made().scope());
      what(record.grant_made());
      json_["not_after"] = rfc3339(record.grant_made().not_after_ns());
      put("uses", record.grant_made().uses());
      break;
    case Kind::kGrantRevoked: what(record.grant_revoked()), put("how", record.grant_revoked().how()); break;
    case Kind::kMode:
      put("from", record.mode().from());
      put("to", record.mode().to());
      put("reason", record.mode().reason());
      json_["as_policy"] = record.mode().as_policy();
      break;
    case Kind::kObserved:
      put("verdict", record.observed().verdict());
      put("reason", record.observed().reason());
      put("times", record.observed().times());
      if (record.observed().has_access()) tried(record.observed());
      break;
    case Kind::kLost:
      put("reason", record.lost().reason());
      json_["count"] = record.lost().count();
      put("bytes", record.lost().bytes());
      break;
    default: policy_and_daemon(record); break;
  }
}

}  // namespace

std::string to_json(const v1::Record& record) {
  // Text in a record is UTF-8 by construction; a file that somebody else wrote may hold anything.
  return Writer().finish(record).dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

}  // namespace holdpoint::audit
