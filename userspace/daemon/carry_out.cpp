// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "daemon/content.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {
namespace {

audit::Entry entry_of(const Core& core, const approval::Note& note) {
  audit::NoteSubjects subjects;
  if (!note.request.empty()) subjects.request = core.ledger.request(note.request);
  if (!note.grant.empty()) subjects.grant = core.ledger.grant(note.grant);
  if (note.session != 0) subjects.session = core.ledger.session(note.session);
  return audit::from_note(note, subjects);
}

// One that was denied without being asked about, since too much waits already: they can come in a loop.
void record_denial(Core& core, const approval::Note& note) {
  const auto* session = core.ledger.session(note.session);
  const Denial denial{note.session, session != nullptr ? session->agent : std::string(), note.detail,
                      "not asked: " + note.detail};
  const auto entry =
      core.denials.happened(denial, [&] { return entry_of(core, note); }, core.clock.now().boot);
  if (entry) core.recorder.record(*entry);
}

// Stores what must last, with its records, and writes them. A note of what nobody has to remember (an ask that was denied at
// once) goes to the log alone.
Result<> save_and_record(Core& core, const approval::Steps& steps) {
  std::vector<const approval::Note*> notes;
  for (const auto& step : steps)
    if (const auto* note = std::get_if<approval::Note>(&step)) notes.push_back(note);
  if (!approval::Store::saves(steps)) {
    for (const auto* note : notes) {
      if (note->kind == "denial") record_denial(core, *note);
      else core.recorder.record(entry_of(core, *note));
    }
    return {};
  }
  std::vector<approval::RecordBytes> records;
  for (const auto* note : notes) {
    if (note->kind == "session_ended") {
      record_counted(core, core.denials.end_session(note->session));
      record_counted(core, core.observations.end_session(note->session));
    }
    records.push_back(core.recorder.keep(entry_of(core, *note)));
  }
  const auto first = core.store.save(steps, records);
  if (!first) return std::unexpected(first.error());
  core.recorder.write_kept(core.store, *first, std::move(records));
  return {};
}

// Whoever reads the journal finds a request there by the id that people see.
void log_requests(const Core& core, const approval::Steps& steps) {
  for (const auto& step : steps) {
    const auto* note = std::get_if<approval::Note>(&step);
    const auto* request =
        note == nullptr || note->request.empty() ? nullptr : core.ledger.request(note->request);
    if (request == nullptr) continue;
    const auto id = event::mask(request->id);
    const bool whole = note->kind == "cancellation" && note->hold == 0;  // not only one of its holds
    if (note->kind == "request") {
      log_info("request {}: agent {} in session {}: {} {} (rule {})", id, event::mask(request->agent),
               request->session, event::mask(request->access.operation), request->access.object,
               event::mask(request->rule.id));
    } else if (note->kind == "decision" || note->kind == "expiry" || whole) {
      log_info("request {}: {}", id, event::mask(request->outcome));
    }
  }
}

void answer(Core& core, const approval::Answer& answer, Now now) {
  if (answer.allow)
    if (auto bound = bind_content(core, answer.hold); !bound) {
      log_error("hold {}: {}", answer.hold, event::mask(bound.error().error.text()));
      // What has been decided has no deadline any more, and nobody could decide again: held for ever.
      if (bound.error().kind == BindError::Kind::no_room)
        (void)carry_out(core, core.ledger.withhold(
                                  answer.hold, "the kernel cannot take what it may read; try again later"));
      return;  // not read yet: it stays held until it is
    }
  const BootTime not_after{now.boot.nanoseconds + HP_VERDICT_LIFE_NS};
  if (auto written = core.programs->answer(answer.hold, answer.kernel_digest, answer.allow, not_after);
      !written) {
    // Without a verdict in the map the thread stays held: nothing opens. The next scan tries again.
    log_error("hold {}: {}", answer.hold, event::mask(written.error().text()));
    return;
  }
  const auto thread = core.held.find(answer.hold);
  if (thread == core.held.end()) return;
  core.parking.release(answer.hold, thread->second, thread->second.user_stopped);
}

void park(Core& core, const approval::Hold& hold) {
  const auto thread = core.held.find(hold.id);
  if (thread == core.held.end()) return;
  core.parking.park(hold.id, thread->second, thread->second.user_stopped);
}

// A refused exec that read files: its one retry takes their content from the kernel, under the number of the refused hold.
std::optional<std::uint64_t> content_of_retry(Core& core, const approval::Request& request) {
  for (const auto& hold : request.holds) {
    const auto content = core.contents.find(hold.id);
    if (hold.state != approval::HoldState::refused || content == core.contents.end() ||
        content->second.image.count == 0)
      continue;
    if (bind_content(core, hold.id)) return hold.id;
  }
  return std::nullopt;
}

// Whether the kernel's digest covers all that was approved. An exec that reads nothing now and may read something later
// (a script that is not there yet) it does not: the daemon looks each time.
bool kernel_covers(const Core& core, const approval::Request& request, const approval::Grant& grant) {
  if (!request.access.bound.empty()) return false;
  if (!reads_content(request)) return true;
  bool known = grant.uses.has_value();  // one retry: a daemon that was started meanwhile has read nothing
  for (const auto& hold : request.holds) {
    if (hold.state == approval::HoldState::ended) continue;
    const auto content = core.contents.find(hold.id);
    if (content == core.contents.end() && grant.uses) continue;
    if (content == core.contents.end() || content->second.image.count != 0) return false;
    // That not all is bound was said on the request, and once is what was said to it.
    if (!content->second.whole && !grant.uses) return false;
    known = true;
  }
  return known;
}

// A live grant lets equal accesses of the session pass in the kernel, without a hold. Only where the kernel's digest covers
// all that was approved: what an interpreter reads is compared here, at each hold.
void put_kernel_grant(Core& core, const approval::Grant& grant, Now now) {
  const auto* request = core.ledger.request(grant.request);
  auto& keys = core.kernel_grants[grant.id];
  const bool over = grant.revoked || grant.not_after <= now.wall || grant.uses == 0U;
  const auto retry = request != nullptr && grant.uses ? content_of_retry(core, *request) : std::nullopt;
  if (over || request == nullptr || (!retry && !kernel_covers(core, *request, grant))) {
    for (const auto& key : keys) core.programs->remove_grant(key);
    core.kernel_grants.erase(grant.id);
    return;
  }
  if (!keys.empty()) return;  // the kernel counts its uses
  const auto life = std::chrono::duration_cast<std::chrono::nanoseconds>(grant.not_after - now.wall);
  const hp_grant value{now.boot.nanoseconds + static_cast<std::uint64_t>(life.count()),
                       grant.uses.value_or(~0ULL), retry.value_or(0)};
  for (const auto& hold : request->holds) {
    const hp_grant_key key{grant.session, {hold.kernel_digest[0], hold.kernel_digest[1]}};
    const bool known = std::any_of(keys.begin(), keys.end(), [&](const hp_grant_key& other) {
      return other.digest[0] == key.digest[0] && other.digest[1] == key.digest[1];
    });
    if (known) continue;
    if (auto written = core.programs->put_grant(key, value); written) keys.push_back(key);
    else
      log_error("grant: {}", event::mask(written.error().text()));  // the daemon answers at each hold instead
  }
}

}  // namespace

void record_counted(Core& core, const std::vector<audit::Entry>& entries) {
  for (const auto& entry : entries) core.recorder.record(entry);
}

void adopt_kernel_grants(Core& core) {
  for (const auto& key : core.programs->grants()) {
    bool live = false;
    for (const auto* grant : core.ledger.grants()) {
      const bool same = grant->session == key.session && grant->kernel_digest[0] == key.digest[0] &&
                        grant->kernel_digest[1] == key.digest[1];
      if (!same || grant->revoked) continue;
      core.kernel_grants[grant->id].push_back(key);
      live = true;
    }
    if (!live) core.programs->remove_grant(key);
  }
}

Result<> carry_out(Core& core, const approval::Steps& steps) {
  if (steps.empty()) return {};
  if (auto saved = save_and_record(core, steps); !saved) {
    core.ledger.undo();
    ++core.store_failures;
    log_error("store: {}", event::mask(saved.error().text()));
    // One code for all of its reasons: to a caller it is the daemon that cannot do it now.
    return std::unexpected(Error{saved.error().message, saved.error().hint, EIO});
  }
  log_requests(core, steps);
  const auto now = core.clock.now();
  for (const auto& step : steps) {
    if (const auto* grant = std::get_if<approval::SaveGrant>(&step))
      put_kernel_grant(core, grant->grant, now);
    if (const auto* verdict = std::get_if<approval::Answer>(&step)) answer(core, *verdict, now);
    if (const auto* waiting = std::get_if<approval::Park>(&step)) park(core, waiting->hold);
  }
  return {};
}

}  // namespace holdpoint::daemon
