// SPDX-License-Identifier: Apache-2.0
#include "daemon/denials.hpp"

#include <algorithm>

namespace holdpoint::daemon {
namespace {

constexpr std::uint64_t kMinuteNs = 60'000'000'000;

}  // namespace

Denials::Session& Denials::session_of(const Denial& denial, BootTime now) {
  const auto [found, fresh] = sessions_.try_emplace(denial.session);
  auto& session = found->second;
  const auto burst = static_cast<double>(limits_.burst);
  if (fresh) session = {denial.agent, burst, now, now, {}};
  const auto minutes =
      static_cast<double>(now.nanoseconds - session.filled.nanoseconds) / static_cast<double>(kMinuteNs);
  session.left = std::min(burst, session.left + minutes * static_cast<double>(limits_.per_minute));
  session.filled = now;
  return session;
}

std::optional<audit::Entry> Denials::happened(const Denial& denial, const std::function<audit::Entry()>& make,
                                              BootTime now) {
  auto& session = session_of(denial, now);
  const Key key{denial.session, denial.key};
  auto equal = equals_.find(key);
  if (equal == equals_.end() && equals_.size() < limits_.kinds)
    equal = equals_.emplace(key, Equal{now, 0, 0, false, {}}).first;
  if (equal != equals_.end() && (++equal->second.seen > limits_.equal || equal->second.loud)) {
    if (!equal->second.example) equal->second.example = make();
    ++equal->second.counted;
    ++counted_;
    return std::nullopt;
  }
  if (session.left < 1) {
    ++session.more[denial.cause];
    ++counted_;
    return std::nullopt;
  }
  session.left -= 1;
  return make();
}

void Denials::tell(const Equal& equal, std::vector<audit::Entry>& out) {
  if (equal.example && equal.counted != 0) out.push_back(audit::repeated(*equal.example, equal.counted));
}

void Denials::tell(std::uint64_t id, Session& session, std::vector<audit::Entry>& out) const {
  for (const auto& [cause, times] : session.more) out.push_back(more_(session.agent, id, cause, times));
  session.more.clear();
}

std::vector<audit::Entry> Denials::due(BootTime now) {
  std::vector<audit::Entry> out;
  for (auto next = equals_.begin(); next != equals_.end();) {
    auto& equal = next->second;
    if (!over(equal.begun, now)) {
      ++next;
      continue;
    }
    tell(equal, out);
    if (equal.seen <= limits_.equal) {
      next = equals_.erase(next);
      continue;
    }
    equal = {now, 0, 0, true, std::move(equal.example)};
    ++next;
  }
  for (auto next = sessions_.begin(); next != sessions_.end();) {
    auto& session = next->second;
    if (over(session.begun, now)) {
      tell(next->first, session, out);
      session.begun = now;
    }
    // Full again, and silent since: as if it had never denied anything.
    const auto minutes = (now.nanoseconds - session.filled.nanoseconds) / kMinuteNs;
    const bool full = session.left + static_cast<double>(minutes * limits_.per_minute) >=
                      static_cast<double>(limits_.burst);
    if (full && session.more.empty() && minutes > 0) next = sessions_.erase(next);
    else ++next;
  }
  return out;
}

std::vector<audit::Entry> Denials::end_session(std::uint64_t session) {
  std::vector<audit::Entry> out;
  const auto first = equals_.lower_bound({session, ""});
  auto next = first;
  for (; next != equals_.end() && next->first.first == session; ++next) tell(next->second, out);
  equals_.erase(first, next);
  if (const auto found = sessions_.find(session); found != sessions_.end()) {
    tell(session, found->second, out);
    sessions_.erase(found);
  }
  return out;
}

std::vector<audit::Entry> Denials::end() {
  std::vector<audit::Entry> out;
  for (const auto& [key, equal] : equals_) tell(equal, out);
  for (auto& [id, session] : sessions_) tell(id, session, out);
  equals_.clear();
  sessions_.clear();
  return out;
}

}  // namespace holdpoint::daemon
