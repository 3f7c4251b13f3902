// SPDX-License-Identifier: Apache-2.0
// Records of what operators switched.
#include <string>

#include "audit/record.hpp"
#include "audit/record_fill.hpp"

namespace holdpoint::audit {
namespace {

v1::Record switched(const char* action, const approval::Principal& by) {
  v1::Record record;
  fill::actor(record, by);
  record.mutable_operator_()->set_action(action);
  return record;
}

v1::Record about_scope(const char* action, const approval::LockScope& scope, const std::string& agent,
                       const approval::Principal& by) {
  auto record = switched(action, by);
  record.set_agent(fill::word(agent));
  record.set_session(scope.session);
  record.mutable_operator_()->set_scope(std::string(approval::scope_word(scope)));
  return record;
}

}  // namespace

Entry locked_down(const approval::LockScope& scope, const std::string& agent, const event::MaskedText& reason,
                  const approval::Principal& by) {
  auto record = about_scope("lockdown", scope, agent, by);
  fill::masked(*record.mutable_operator_()->mutable_reason(), reason);
  return EntryMaker::make(std::move(record));
}

Entry lockdown_released(const approval::LockScope& scope, const std::string& agent,
                        const approval::Principal& by) {
  return EntryMaker::make(about_scope("release", scope, agent, by));
}

Entry disarmed(const approval::Disarming& disarming) {
  auto record = switched("disarm", disarming.by);
  fill::masked(*record.mutable_operator_()->mutable_reason(), disarming.reason);
  record.mutable_operator_()->set_until_ns(disarming.until.time_since_epoch().count());
  return EntryMaker::make(std::move(record));
}

Entry armed(const event::MaskedText& reason, const approval::Principal& by) {
  auto record = switched("arm", by);
  fill::masked(*record.mutable_operator_()->mutable_reason(), reason);
  return EntryMaker::make(std::move(record));
}

}  // namespace holdpoint::audit
