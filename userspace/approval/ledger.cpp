// SPDX-License-Identifier: Apache-2.0
#include "approval/ledger.hpp"

#include <algorithm>

namespace holdpoint::approval {
namespace {

template <typename Value>
std::vector<const Value*> pointers(const std::map<std::uint64_t, Value>& rows) {
  std::vector<const Value*> all;
  all.reserve(rows.size());
  for (const auto& row : rows) all.push_back(&row.second);
  return all;
}

}  // namespace

Ledger::Ledger(Counters counters, Limits limits)
    : limits_(limits), state_(limits.ended), counters_(counters), counters_before_(counters) {}

void Ledger::restore(std::vector<Session> sessions, std::vector<Request> requests,
                     std::vector<Grant> grants) {
  for (Session& session : sessions) state_.put(std::move(session));
  std::ranges::sort(requests, {}, [](const Request& request) { return number_of(request.id, 'r'); });
  for (Request& request : requests) {
    counters_.next_request = std::max(counters_.next_request, number_of(request.id, 'r') + 1);
    state_.put(std::move(request));
  }
  for (Grant& grant : grants) {
    counters_.next_grant = std::max(counters_.next_grant, number_of(grant.id, 'g') + 1);
    state_.put(std::move(grant));
  }
  begin();
}

void Ledger::begin() {
  state_.begin();
  counters_before_ = counters_;
}

void Ledger::undo() {
  state_.undo();
  counters_ = counters_before_;
}

std::optional<WallTime> Ledger::next_deadline() const {
  std::optional<WallTime> next;
  if (!state_.deadlines().empty()) next = state_.deadlines().begin()->first;
  if (!state_.lives().empty() && (!next || state_.lives().begin()->first < *next))
    next = state_.lives().begin()->first;
  return next;
}

const Request* Ledger::request(const std::string& id) const { return state_.request(number_of(id, 'r')); }
const Grant* Ledger::grant(const std::string& id) const { return state_.grant(number_of(id, 'g')); }
const Session* Ledger::session(std::uint64_t id) const { return state_.session(id); }
std::vector<const Request*> Ledger::requests() const { return pointers(state_.requests()); }
std::vector<const Grant*> Ledger::grants() const { return pointers(state_.grants()); }
std::vector<const Session*> Ledger::sessions() const { return pointers(state_.sessions()); }
const Request* Ledger::request_of_hold(std::uint64_t hold) const { return state_.request_of_hold(hold); }

}  // namespace holdpoint::approval
