// SPDX-License-Identifier: Apache-2.0
// The ledger's notes to records: one row for each kind of note.
#include <algorithm>
#include <string_view>

#include "audit/record.hpp"
#include "audit/record_fill.hpp"

namespace holdpoint::audit {
namespace {

using event::mask;

// What the note itself says, for records whose subject is gone.
v1::Record bare(const approval::Note& note, const NoteSubjects& subjects) {
  v1::Record record;
  if (subjects.session != nullptr) record.set_agent(fill::word(subjects.session->agent));
  record.set_session(note.session);
  record.set_request(fill::word(note.request));
  record.set_grant(fill::word(note.grant));
  record.set_hold(note.hold);
  return record;
}

Entry hold_record(const approval::Note& note, const NoteSubjects& subjects) {
  if (subjects.request != nullptr) {
    const auto& holds = subjects.request->holds;
    const auto hold = std::ranges::find(holds, note.hold, &approval::Hold::id);
    if (hold != holds.end() && note.grant.empty()) return held(*subjects.request, *hold);
  }
  auto record = bare(note, subjects);
  auto& kind = *record.mutable_held();
  kind.set_by_grant(!note.grant.empty());
  if (subjects.grant != nullptr) {
    fill::common(record, *subjects.grant);
    fill::masked(*kind.mutable_access()->mutable_object(), subjects.grant->object);
    kind.mutable_access()->set_operation(fill::word(subjects.grant->operation));
  }
  if (subjects.access != nullptr) fill::access(*kind.mutable_access(), *subjects.access);
  return EntryMaker::make(std::move(record));
}

Entry cancellation_record(const approval::Note& note, const NoteSubjects& subjects) {
  if (subjects.request != nullptr) {
    if (subjects.request->state == approval::RequestState::superseded && note.hold == 0)
      return superseded(*subjects.request, mask(note.detail));
    return cancelled(*subjects.request, note.hold, mask(note.detail));
  }
  auto record = bare(note, subjects);
  fill::masked(*record.mutable_cancelled()->mutable_how(), mask(note.detail));
  return EntryMaker::make(std::move(record));
}

Entry release_record(const approval::Note& note, const NoteSubjects& subjects) {
  const bool allowed = note.detail == "allowed";
  if (subjects.request != nullptr) return released(*subjects.request, note.hold, allowed, mask(note.detail));
  auto record = bare(note, subjects);
  auto& kind = *record.mutable_released();
  if (subjects.grant != nullptr) {
    fill::common(record, *subjects.grant);
    fill::masked(*kind.mutable_object(), subjects.grant->object);
    kind.set_operation(fill::word(subjects.grant->operation));
  }
  kind.set_allowed(allowed);
  fill::masked(*kind.mutable_detail(), mask(note.detail));
  return EntryMaker::make(std::move(record));
}

Entry denial_record(const approval::Note& note, const NoteSubjects& subjects) {
  auto record = bare(note, subjects);
  auto& kind = *record.mutable_denied();
  if (subjects.access != nullptr) fill::access(*kind.mutable_access(), *subjects.access);
  kind.set_cause(note.detail == "flood" ? "flood" : "not-asked");
  fill::masked(*kind.mutable_detail(), mask(note.detail));
  return EntryMaker::make(std::move(record));
}

Entry session_record(const approval::Note& note, const NoteSubjects& subjects) {
  if (subjects.session != nullptr) {
    if (note.kind == "session") return session_started(*subjects.session);
    return session_ended(*subjects.session, mask(note.detail));
  }
  auto record = bare(note, subjects);
  if (note.kind == "session") {
    record.mutable_session_started();
    record.set_agent(fill::word(note.detail));
  } else {
    fill::masked(*record.mutable_session_ended()->mutable_how(), mask(note.detail));
  }
  return EntryMaker::make(std::move(record));
}

// A note whose request or grant is not at hand, or whose kind nobody told us: recorded as such, never dropped.
Entry unknown_record(const approval::Note& note, const NoteSubjects& subjects) {
  auto record = bare(note, subjects);
  record.mutable_lost()->set_reason("subject of a note: " + fill::word(note.kind) + ": " +
                                    fill::word(note.detail));
  record.mutable_lost()->set_count(1);
  return EntryMaker::make(std::move(record));
}

}  // namespace

Entry from_note(const approval::Note& note, const NoteSubjects& subjects) {
  const std::string_view kind = note.kind;
  if (kind == "hold") return hold_record(note, subjects);
  if (kind == "cancellation") return cancellation_record(note, subjects);
  if (kind == "release") return release_record(note, subjects);
  if (kind == "denial") return denial_record(note, subjects);
  if (kind == "session" || kind == "session_ended") return session_record(note, subjects);
  if (subjects.request != nullptr) {
    if (kind == "request") return request_opened(*subjects.request);
    if (kind == "decision") return decided(*subjects.request);
    if (kind == "expiry") return expired(*subjects.request);
  }
  if (subjects.grant != nullptr) {
    if (kind == "grant") return grant_made(*subjects.grant);
    if (kind == "grant_revoked") return grant_revoked(*subjects.grant, mask(note.detail), {});
  }
  return unknown_record(note, subjects);
}

}  // namespace holdpoint::audit
