// SPDX-License-Identifier: Apache-2.0
// The state of all requests, grants and sessions, changed only by the functions below. No I/O, no clock, no
// ids of its own making beyond counters that it is given: every call says what happened and when, and returns
// what has to be done about it, in order. The daemon makes each step durable before it carries out the next
// one.
//
// The order in every Steps: all Save*, then all Note, then all Answer, then all Park. When the saves fail,
// the daemon carries out nothing and calls undo(): the click gets an error, the holds stay held, and the same
// call can be made again later.
//
// Thread: the daemon's one loop.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "approval/operator_state.hpp"
#include "approval/state.hpp"
#include "approval/values.hpp"
#include "base/result.hpp"

namespace holdpoint::approval {

// Steps that follow from a change. `Save*` come before what they allow.
struct SaveRequest {
  Request request;
};
struct SaveGrant {
  Grant grant;
};
struct SaveSession {
  Session session;
};
// What operators have switched, as a whole. The ledger itself never says it.
struct SaveOperator {
  OperatorState state;
};
// Give the kernel its verdict for one hold and let the thread go on.
struct Answer {
  std::uint64_t hold = 0;
  std::array<std::uint64_t, 2> kernel_digest{};
  bool allow = false;
  // "approved", "denied", "expired", "cancelled", "granted", "superseded", "flood" (a limit was reached),
  // "withheld" (approved, and the kernel could not take it)
  std::string why;
};
// The hold waits for a person: take it from SIGSTOP to the freezer. Comes again when the hold was seen again
// (a signal handler ran meanwhile), so parking what is parked must do nothing.
struct Park {
  Hold hold;
};
// Something to record and to tell watchers. `kind` is one of the record kinds of record.proto:
// hold, request, decision, expiry, cancellation, release, grant, grant_revoked, session, session_ended, and
// denial for what was refused without asking anybody.
struct Note {
  std::string kind;
  std::string request;  // id or empty
  std::string grant;    // id or empty
  std::uint64_t session = 0;
  std::uint64_t hold = 0;
  std::string detail;
};
using Step = std::variant<SaveRequest, SaveGrant, SaveSession, SaveOperator, Answer, Park, Note>;
using Steps = std::vector<Step>;

// A hold as the daemon found it, with everything a request needs if it has to become one.
struct NewHold {
  Hold hold;             // state held or refused
  Request draft;         // id, state, created, deadline, holds, decision and outcome are filled by the ledger
  bool bindable = true;  // false: argv cut or another reason why no approval may cover it; such a request can
                         // only be denied
};

struct DecideError {
  // only_deniable: nobody may approve it. too_many_grants: not with a scope that leaves one.
  // Two that the ledger itself never says: not_stored: the daemon's store could not write, so nothing was decided;
  // not_read: what is approved has to be read first.
  enum class Kind {
    not_found,
    not_open,
    other_digest,
    only_deniable,
    too_many_grants,
    invalid,
    not_stored,
    not_read
  } kind;
  std::string message;
  std::string hint{};  // what to do next, where that is known
};

struct LedgerLimits {
  // One agent must not bury a person, nor take the questions of others away. Over either: denied at once,
  // with a record.
  std::size_t open_requests_per_session = 256;
  std::size_t open_requests = 4096;  // as many as the kernel has holds
  // Longest life of a grant, and the life of one for a session: a working day. A longer wish is refused.
  Duration grant_lifetime = std::chrono::hours(8);
  // Life of the grant for the one retry of a refused access: the agent is told and tries again soon, or
  // never.
  Duration retry_lifetime = std::chrono::minutes(15);
  // Every grant is a decision of a person, so this many live ones are a script gone wild. Over it: only scope
  // once.
  std::size_t live_grants = 4096;
  // Ended requests, grants and sessions (each) that stay in memory for people who look back; the rest is in
  // the record log.
  std::size_t ended = 1000;
  // Refused holds of one request: they need no answer, they only show who tried. More are not listed.
  std::size_t refused_holds = 16;
  // Holds of one open request that are over: a timer that interrupts a held thread again and again makes
  // them. The oldest go.
  std::size_t ended_holds = 64;
  // Longest wait for an answer; a rule that says more gets this. Keeps sums of times far from overflow.
  Duration request_lifetime = std::chrono::hours(24 * 30);
};

class Ledger {
 public:
  struct Counters {
    std::uint64_t next_request = 1;
    std::uint64_t next_grant = 1;
  };
  using Limits = LedgerLimits;

  explicit Ledger(Counters counters, Limits limits = {});
  // State as the store had it. Call before anything else; order does not matter.
  void restore(std::vector<Session> sessions, std::vector<Request> requests, std::vector<Grant> grants);

  // Takes back the last call of any function below that returned steps. For a daemon whose save failed.
  void undo();

  // A hold appeared, or appeared again (same hold id: no second prompt, no second record; answered already:
  // the same answer again, since the verdict may have been lost). A live grant answers at once; an open
  // request with the same session and digest takes it in; else a new request opens. What is not bindable
  // meets no grant and merges only with its like.
  [[nodiscard]] Steps hold(NewHold hold, Now now);
  // A hold that was asked about, and whose program would now read something else: out of its request, which is
  // superseded when nothing else waits in it, and asked about anew. What the old request was answered does not
  // count for it.
  [[nodiscard]] Steps ask_again(NewHold hold, Now now);
  // A person decided. Every held hold of the request is answered; scope session and duration leave a grant; a
  // refused hold under scope once leaves a grant for one retry. That one lives in the kernel, which counts it
  // and lets the retry pass without a hold: a hold that began later proves it spent, ends it, and asks again.
  // It never answers a hold here, because what is counted in two places can be used twice.
  [[nodiscard]] std::expected<Steps, DecideError> decide(const std::string& request, Decision decision,
                                                         Now now);
  // The hold is over without a decision (the thread died, went elsewhere, got a terminating signal).
  // `answer`: the thread is still there and must be let go with a refusal. The last hold of an open request
  // ends the request as cancelled; refused holds count as present until the deadline, because another process
  // may make the retry.
  [[nodiscard]] Steps end_hold(std::uint64_t hold, const std::string& how, bool answer, Now now);
  // An answer that allowed cannot be carried out, and the kernel has no verdict yet: the hold is refused instead. What was
  // decided stays as it was said.
  [[nodiscard]] Steps withhold(std::uint64_t hold, const std::string& why);
  // The kernel used the verdict.
  [[nodiscard]] Steps consumed(std::uint64_t hold, bool allowed, Now now);
  // Requests past their deadline expire (their holds are refused), grants past their life end.
  [[nodiscard]] Steps expire(Now now);
  // When expire() has something to do next.
  [[nodiscard]] std::optional<WallTime> next_deadline() const;
  // After a policy change: rules that no longer ask supersede their requests. `still_asks` gets the request.
  [[nodiscard]] Steps supersede_unless(const std::function<bool(const Request&)>& still_asks,
                                       const std::string& why, Now now);
  // After a restart or a lost bell: holds that the kernel still has. Requests whose holds are all gone are
  // cancelled; holds that were answered and are still there get the same answer again. Then call hold() for
  // each the kernel has.
  [[nodiscard]] Steps reconcile(const std::vector<std::uint64_t>& kernel_holds, Now now);

  [[nodiscard]] Steps open_session(Session session, Now now);
  // Ends its grants and requests. `how`, if an operator did it: who and by what.
  [[nodiscard]] Steps end_session(std::uint64_t session, Now now, const std::string& how = {});
  [[nodiscard]] std::expected<Steps, DecideError> revoke(const std::string& grant, const Principal& by,
                                                         Now now);
  // The kernel's count of a grant reached zero. Unknown or ended: nothing.
  [[nodiscard]] Steps grant_spent(const std::string& grant, Now now);

  // Pointers below are good until the next call that changes something.
  [[nodiscard]] const Request* request(const std::string& id) const;
  [[nodiscard]] const Session* session(std::uint64_t id) const;
  [[nodiscard]] std::vector<const Request*> requests() const;  // oldest first
  [[nodiscard]] std::vector<const Grant*> grants() const;
  [[nodiscard]] std::vector<const Session*> sessions() const;
  [[nodiscard]] const Request* request_of_hold(std::uint64_t hold) const;
  [[nodiscard]] const Grant* grant(const std::string& id) const;
  [[nodiscard]] Counters counters() const { return counters_; }

 private:
  // merge.cpp
  Steps seen_again(const Hold& hold, const Request& request);
  Steps place(NewHold hold, Now now);
  Steps take_in(NewHold hold, Request request);
  Steps open_request(NewHold hold, Now now);
  Steps refuse_at_once(const NewHold& hold, const std::string& why, const std::string& detail);
  std::optional<Steps> meet_grant(const NewHold& hold, class Plan& plan, Now now);
  // decide.cpp
  [[nodiscard]] std::optional<DecideError> refusal(const Request* request, const std::string& id,
                                                   const Decision& decision, Now now) const;
  void leave_grant(const Request& request, class Plan& plan, Now now);
  // ending.cpp
  Steps finish_hold(Request request, std::uint64_t hold, const std::string& how, bool answer);
  void close(Request request, RequestState state, const std::string& outcome, const char* kind,
             class Plan& plan);
  void end_grant(Grant grant, const std::string& how, class Plan& plan, Now now);
  void begin();

  Limits limits_;
  State state_;
  Counters counters_;
  Counters counters_before_;
};

}  // namespace holdpoint::approval
