// SPDX-License-Identifier: Apache-2.0
#include "approval/state.hpp"

#include <algorithm>
#include <charconv>

namespace holdpoint::approval {
namespace {

// The kernel keeps at most HP_MAX_HOLDS = 4096 holds, so no more requests than that can have an answer under
// way.
constexpr std::size_t answers_under_way = 4096;
// Twice the kernel's holds: an answer is dropped from here only when its hold is long over.
constexpr std::size_t settled_bound = 8192;

bool answer_under_way(const Request& request) {
  return std::ranges::any_of(request.holds,
                             [](const Hold& hold) { return hold.state == HoldState::released; });
}

}  // namespace

std::uint64_t number_of(const std::string& id, char prefix) {
  if (id.size() < 3 || id[0] != prefix || id[1] != '-' || id[2] == '0') return 0;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data() + 2, id.data() + id.size(), number);
  return error == std::errc{} && end == id.data() + id.size() ? number : 0;
}

void EndOrder::add(std::uint64_t number) {
  if (!by_number_.emplace(number, next_).second) return;
  by_order_.emplace(next_++, number);
}

void EndOrder::remove(std::uint64_t number) {
  const auto at = by_number_.find(number);
  if (at == by_number_.end()) return;
  by_order_.erase(at->second);
  by_number_.erase(at);
}

std::optional<std::uint64_t> EndOrder::oldest_over(std::size_t keep) const {
  if (by_order_.empty() || by_number_.size() <= keep) return std::nullopt;
  return by_order_.begin()->second;
}

void State::begin() {
  forget_oldest_requests();
  while (const auto number = ended_grants_.oldest_over(keep_)) replace(*number, std::optional<Grant>{});
  while (const auto number = ended_sessions_.oldest_over(keep_)) replace(*number, std::optional<Session>{});
  while (settled_.rows.size() > settled_bound) settled_.rows.erase(settled_.rows.begin());
  requests_.before.clear();
  grants_.before.clear();
  sessions_.before.clear();
  settled_.before.clear();
}

// A request whose answer the kernel has not used yet is needed to give the same answer again, so it goes to
// the end of the row instead of being forgotten; at most one such move for each change keeps this cheap.
void State::forget_oldest_requests() {
  bool moved = false;
  while (const auto oldest = ended_requests_.oldest_over(keep_)) {
    const std::uint64_t number = *oldest;
    const Request* found = request(number);
    if (found != nullptr && answer_under_way(*found) && ended_requests_.size() <= keep_ + answers_under_way) {
      if (moved) return;
      ended_requests_.remove(number);
      ended_requests_.add(number);
      moved = true;
      continue;
    }
    replace(number, std::optional<Request>{});
  }
}

void State::undo() {
  const auto put_back = [this](auto& table) {
    auto before = std::exchange(table.before, {});
    for (auto& [number, value] : before) replace(number, std::move(value));
    table.before.clear();
  };
  put_back(requests_);
  put_back(grants_);
  put_back(sessions_);
  for (auto& [hold, value] : std::exchange(settled_.before, {})) {
    if (value) settled_.rows.insert_or_assign(hold, std::move(*value));
    else settled_.rows.erase(hold);
  }
}

void State::put(Request request) {
  const std::uint64_t number = number_of(request.id, 'r');
  requests_.remember(number);
  replace(number, std::optional<Request>(std::move(request)));
}

void State::put(Grant grant) {
  const std::uint64_t number = number_of(grant.id, 'g');
  grants_.remember(number);
  replace(number, std::optional<Grant>(std::move(grant)));
}

void State::put(Session session) {
  const std::uint64_t id = session.id;
  sessions_.remember(id);
  replace(id, std::optional<Session>(std::move(session)));
}

void State::settle(std::uint64_t hold, Settled settled) {
  settled_.remember(hold);
  settled_.rows.insert_or_assign(hold, std::move(settled));
}

void State::forget(std::uint64_t hold) {
  settled_.remember(hold);
  settled_.rows.erase(hold);
}

void State::replace(std::uint64_t number, std::optional<Request> value) {
  if (const Request* old = request(number)) {
    // Only its own: a hold that was asked about again belongs to another request by now.
    for (const Hold& hold : old->holds)
      if (const auto at = hold_to_request_.find(hold.id);
          at != hold_to_request_.end() && at->second == number)
        hold_to_request_.erase(at);
    // Only its own key: an ended request must not hide a newer open one with the same digest.
    if (old->state == RequestState::open) open_.erase(ActionKey{old->session, old->digest, old->bindable});
    deadlines_.erase({old->deadline, number});
    if (const auto at = open_by_session_.find(old->session); at != open_by_session_.end()) {
      at->second.erase(number);
      if (at->second.empty()) open_by_session_.erase(at);
    }
    if (old->state == RequestState::open || !value) ended_requests_.remove(number);
    requests_.rows.erase(number);
  }
  if (!value) return;
  for (const Hold& hold : value->holds) hold_to_request_[hold.id] = number;
  if (value->state == RequestState::open) {
    open_[ActionKey{value->session, value->digest, value->bindable}] = number;
    deadlines_.insert({value->deadline, number});
    open_by_session_[value->session].insert(number);
    ended_requests_.remove(number);
  } else {
    ended_requests_.add(number);
  }
  requests_.rows.emplace(number, std::move(*value));
}

void State::replace(std::uint64_t number, std::optional<Grant> value) {
  if (const Grant* old = grant(number)) {
    if (const auto at = live_.find({old->session, old->digest}); at != live_.end()) {
      at->second.erase(number);
      if (at->second.empty()) live_.erase(at);
    }
    lives_.erase({old->not_after, number});
    if (!value) ended_grants_.remove(number);
    grants_.rows.erase(number);
  }
  if (!value) return;
  if (value->revoked) {
    ended_grants_.add(number);
  } else {
    ended_grants_.remove(number);
    live_[{value->session, value->digest}].insert(number);
    lives_.insert({value->not_after, number});
  }
  grants_.rows.emplace(number, std::move(*value));
}

void State::replace(std::uint64_t number, std::optional<Session> value) {
  sessions_.rows.erase(number);
  if (!value || !value->ended) ended_sessions_.remove(number);
  else ended_sessions_.add(number);
  if (value) sessions_.rows.emplace(number, std::move(*value));
}

const Request* State::request_of_hold(std::uint64_t hold) const {
  const auto at = hold_to_request_.find(hold);
  return at == hold_to_request_.end() ? nullptr : request(at->second);
}

const Request* State::open_request(std::uint64_t session, const std::string& digest, bool bindable) const {
  const auto at = open_.find(ActionKey{session, digest, bindable});
  return at == open_.end() ? nullptr : request(at->second);
}

const Grant* State::live_grant(std::uint64_t session, const std::string& digest) const {
  const auto at = live_.find(GrantKey{session, digest});
  if (at == live_.end()) return nullptr;
  const auto uncounted =
      std::ranges::find_if(at->second, [this](std::uint64_t number) { return !grant(number)->uses; });
  return grant(uncounted == at->second.end() ? *at->second.rbegin() : *uncounted);
}

std::vector<std::uint64_t> State::open_in(std::uint64_t session) const {
  const auto at = open_by_session_.find(session);
  if (at == open_by_session_.end()) return {};
  return {at->second.begin(), at->second.end()};
}

std::size_t State::open_count_in(std::uint64_t session) const {
  const auto at = open_by_session_.find(session);
  return at == open_by_session_.end() ? 0 : at->second.size();
}

}  // namespace holdpoint::approval
