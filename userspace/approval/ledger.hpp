// SPDX-License-Identifier: Apache-2.0
// The state of all requests, grants and sessions, changed only by the functions below. No I/O, no clock, no ids of its own
// making beyond counters that it is given: every call says what happened and when, and returns what has to be done about it,
// in order. The daemon makes each step durable before it carries out the next one.
//
// Thread: the daemon's one loop.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "approval/values.hpp"
#include "base/result.hpp"

namespace holdpoint::approval {

// Steps that follow from a change. `Save*` come before what they allow.
struct SaveRequest { Request request; };
struct SaveGrant { Grant grant; };
struct SaveSession { Session session; };
// Give the kernel its verdict for one hold and let the thread go on.
struct Answer {
  std::uint64_t hold = 0;
  std::array<std::uint64_t, 2> kernel_digest{};
  bool allow = false;
  std::string why;  // "approved", "denied", "expired", "cancelled", "granted", "superseded"
};
// The hold waits for a person: take it from SIGSTOP to the freezer.
struct Park { Hold hold; };
// Something to record and to tell watchers. `kind` is one of the record kinds of record.proto:
// hold, request, decision, expiry, cancellation, release, grant, grant_revoked, session, session_ended.
struct Note {
  std::string kind;
  std::string request;  // id or empty
  std::string grant;    // id or empty
  std::uint64_t session = 0;
  std::uint64_t hold = 0;
  std::string detail;
};
using Step = std::variant<SaveRequest, SaveGrant, SaveSession, Answer, Park, Note>;
using Steps = std::vector<Step>;

// A hold as the daemon found it, with everything a request needs if it has to become one.
struct NewHold {
  Hold hold;  // state held or refused
  Request draft;  // id, state, created, deadline, holds, decision and outcome are filled by the ledger
  bool bindable = true;  // false: argv cut or another reason why no approval may cover it; such a request can only be denied
};

struct DecideError {
  enum class Kind { not_found, not_open, not_allowed, invalid } kind;
  std::string message;
};

class Ledger {
 public:
  struct Counters {
    std::uint64_t next_request = 1;
    std::uint64_t next_grant = 1;
  };
  struct Limits {
    std::size_t open_requests_per_session = 256;  // over it: denied at once, with a record
    std::size_t open_requests = 4096;
    Duration grant_lifetime = std::chrono::hours(8);  // longest life of a grant
  };

  explicit Ledger(Counters counters, Limits limits = {});
  // State as the store had it. Call before anything else; order does not matter.
  void restore(std::vector<Session> sessions, std::vector<Request> requests, std::vector<Grant> grants);

  // A hold appeared, or appeared again (same hold id: no second prompt, no second record). A live grant answers at once;
  // an open request with the same session and digest takes it in; else a new request opens.
  [[nodiscard]] Steps hold(NewHold hold, Now now);
  // A person decided. Every held hold of the request is answered; scope session and duration leave a grant; a refused hold
  // under scope once leaves a grant for one retry.
  [[nodiscard]] std::expected<Steps, DecideError> decide(const std::string& request, Decision decision, Now now);
  // The hold is over without a decision (the thread died, went elsewhere, got a terminating signal). `answer`: the thread is
  // still there and must be let go with a refusal. The last hold of an open request ends the request as cancelled.
  [[nodiscard]] Steps end_hold(std::uint64_t hold, const std::string& how, bool answer, Now now);
  // The kernel used the verdict.
  [[nodiscard]] Steps consumed(std::uint64_t hold, bool allowed, Now now);
  // Requests past their deadline expire (their holds are refused), grants past their life end.
  [[nodiscard]] Steps expire(Now now);
  // When expire() has something to do next.
  [[nodiscard]] std::optional<WallTime> next_deadline() const;
  // After a policy change: rules that no longer ask supersede their requests. `still_asks` gets the request.
  template <typename Predicate>
  [[nodiscard]] Steps supersede_unless(Predicate still_asks, const std::string& why, Now now);
  // After a restart: holds that the kernel still has. Requests whose holds are all gone are cancelled.
  [[nodiscard]] Steps reconcile(const std::vector<std::uint64_t>& kernel_holds, Now now);

  [[nodiscard]] Steps open_session(Session session, Now now);
  [[nodiscard]] Steps end_session(std::uint64_t session, Now now);  // ends its grants and requests
  [[nodiscard]] std::expected<Steps, DecideError> revoke(const std::string& grant, const Principal& by, Now now);

  [[nodiscard]] const Request* request(const std::string& id) const;
  [[nodiscard]] const Session* session(std::uint64_t id) const;
  [[nodiscard]] std::vector<const Request*> requests() const;  // oldest first
  [[nodiscard]] std::vector<const Grant*> grants() const;
  [[nodiscard]] std::vector<const Session*> sessions() const;
  [[nodiscard]] const Request* request_of_hold(std::uint64_t hold) const;
};

}  // namespace holdpoint::approval
