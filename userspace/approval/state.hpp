// SPDX-License-Identifier: Apache-2.0
// The values that the ledger keeps, with the indexes to find them, and the memory to take one change back.
// Every change goes through put(), so that an index cannot disagree with its value. Owner: the ledger.
#pragma once

#include <map>
#include <set>
#include <tuple>

#include "approval/values.hpp"

namespace holdpoint::approval {

// An answer that belongs to no request: given by a grant, or because a limit was reached.
struct Settled {
  std::array<std::uint64_t, 2> kernel_digest{};
  bool allow = false;
  bool refused = false;  // the kernel refused it at once: it needs no answer, it is only remembered
  std::string why;
  std::string grant;
  std::uint64_t session = 0;
};

// Numbers in the order in which their values ended, to forget the oldest ending first.
class EndOrder {
 public:
  void add(std::uint64_t number);
  void remove(std::uint64_t number);
  // The oldest, while there are more than `keep`.
  [[nodiscard]] std::optional<std::uint64_t> oldest_over(std::size_t keep) const;
  [[nodiscard]] std::size_t size() const { return by_number_.size(); }

 private:
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::uint64_t> by_number_;
  std::map<std::uint64_t, std::uint64_t> by_order_;
};

// Values by number, with what they were before the change that is under way.
template <typename Value>
struct Table {
  std::map<std::uint64_t, Value> rows;
  std::map<std::uint64_t, std::optional<Value>> before;

  [[nodiscard]] const Value* find(std::uint64_t number) const {
    const auto at = rows.find(number);
    return at == rows.end() ? nullptr : &at->second;
  }
  void remember(std::uint64_t number) {
    if (before.contains(number)) return;
    const Value* now = find(number);
    before.emplace(number, now ? std::optional<Value>(*now) : std::nullopt);
  }
};

class State {
 public:
  // `keep`: how many ended requests, grants and sessions (each) stay.
  explicit State(std::size_t keep) : keep_(keep) {}

  // A change starts: what the last one replaced is forgotten, and so are the oldest ended values over the
  // bound.
  void begin();
  // Everything is as it was at the last begin().
  void undo();

  void put(Request request);
  void put(Grant grant);
  void put(Session session);
  void settle(std::uint64_t hold, Settled settled);
  void forget(std::uint64_t hold);

  [[nodiscard]] const Request* request(std::uint64_t number) const { return requests_.find(number); }
  [[nodiscard]] const Grant* grant(std::uint64_t number) const { return grants_.find(number); }
  [[nodiscard]] const Session* session(std::uint64_t id) const { return sessions_.find(id); }
  [[nodiscard]] const Settled* settled(std::uint64_t hold) const { return settled_.find(hold); }
  [[nodiscard]] const Request* request_of_hold(std::uint64_t hold) const;
  [[nodiscard]] const Request* open_request(std::uint64_t session, const std::string& digest,
                                            bool bindable) const;
  // Not ended; its life may be over all the same. One without a count of uses comes first.
  [[nodiscard]] const Grant* live_grant(std::uint64_t session, const std::string& digest) const;

  [[nodiscard]] const std::map<std::uint64_t, Request>& requests() const { return requests_.rows; }
  [[nodiscard]] const std::map<std::uint64_t, Grant>& grants() const { return grants_.rows; }
  [[nodiscard]] const std::map<std::uint64_t, Session>& sessions() const { return sessions_.rows; }
  // Open requests and live grants by the time at which they end.
  [[nodiscard]] const std::set<std::pair<WallTime, std::uint64_t>>& deadlines() const { return deadlines_; }
  [[nodiscard]] const std::set<std::pair<WallTime, std::uint64_t>>& lives() const { return lives_; }
  [[nodiscard]] std::vector<std::uint64_t> open_in(std::uint64_t session) const;
  [[nodiscard]] std::size_t open_count_in(std::uint64_t session) const;

 private:
  using ActionKey = std::tuple<std::uint64_t, std::string, bool>;  // session, digest, bindable
  using GrantKey = std::pair<std::uint64_t, std::string>;          // session, digest

  void replace(std::uint64_t number, std::optional<Request> value);
  void replace(std::uint64_t number, std::optional<Grant> value);
  void replace(std::uint64_t number, std::optional<Session> value);
  void forget_oldest_requests();

  std::size_t keep_;
  Table<Request> requests_;
  Table<Grant> grants_;
  Table<Session> sessions_;
  Table<Settled> settled_;
  EndOrder ended_requests_, ended_grants_, ended_sessions_;
  std::map<std::uint64_t, std::uint64_t> hold_to_request_;
  std::map<ActionKey, std::uint64_t> open_;
  std::map<std::uint64_t, std::set<std::uint64_t>> open_by_session_;
  std::map<GrantKey, std::set<std::uint64_t>> live_;
  std::set<std::pair<WallTime, std::uint64_t>> deadlines_, lives_;
};

// 17 for "r-17" with prefix 'r'; 0, which is never a number of ours, for anything else.
[[nodiscard]] std::uint64_t number_of(const std::string& id, char prefix);

}  // namespace holdpoint::approval
