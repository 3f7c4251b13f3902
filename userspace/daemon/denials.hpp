// SPDX-License-Identifier: Apache-2.0
// Which denials get a record of their own. An agent that is denied in a loop must not fill the disk, nor bury what else is in
// the log: many equal ones become one record with their number, and so do more different ones than anybody reads.
// Pure. Owner: the core. Thread: the daemon's loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/record.hpp"
#include "base/clock.hpp"

namespace holdpoint::daemon {

struct Denial {
  std::uint64_t session = 0;
  std::string agent;
  std::string cause;
  std::string key;  // two of one session with the same key are equal
};

class Denials {
 public:
  struct Limits {
    // Of each window as many equal ones stand alone. A program that tries once a second never reaches it.
    std::uint64_t equal = 100;
    // A session may write so many at once, and then so many a minute: some 150 MB of records a day at the worst.
    std::uint64_t burst = 2'000;
    std::uint64_t per_minute = 100;
    // How long equal ones are counted before they are told.
    std::uint64_t window_ns = 60'000'000'000;
    // Different ones that are told apart. Over it they are only limited by the session's number.
    std::size_t kinds = 4'096;
  };

  // Makes the record of those of one cause that are not told one by one.
  using More = audit::Entry (*)(const std::string& agent, std::uint64_t session, const std::string& cause,
                                std::uint64_t times);

  Denials() = default;
  explicit Denials(Limits limits, More more = audit::more_denials) : limits_(limits), more_(more) {}
  // For what passed since its rule is only observed: the same access of a session is told once, and then as a number each ten
  // minutes. An agent that is observed does all that it would be stopped at, so there is more of it than of denials.
  [[nodiscard]] static Denials of_observed() {
    return Denials({.equal = 1, .burst = 1'000, .per_minute = 60, .window_ns = 600'000'000'000},
                   audit::more_observed);
  }

  // Makes the record where it is needed; gives it back if it is to be written now. Else the denial is counted.
  [[nodiscard]] std::optional<audit::Entry> happened(const Denial& denial,
                                                     const std::function<audit::Entry()>& make, BootTime now);
  // Records for what was counted in minutes that are over. To be called now and then.
  [[nodiscard]] std::vector<audit::Entry> due(BootTime now);
  // The same at once, when a session ends; and for all of them, at the end of the daemon.
  [[nodiscard]] std::vector<audit::Entry> end_session(std::uint64_t session);
  [[nodiscard]] std::vector<audit::Entry> end();
  // Denials ever that have no record of their own.
  [[nodiscard]] std::uint64_t counted() const { return counted_; }

 private:
  struct Equal {
    BootTime begun;             // of its window
    std::uint64_t seen = 0;     // in this window
    std::uint64_t counted = 0;  // of them
    bool loud = false;          // the window before had too many: none of this one stands alone
    std::optional<audit::Entry> example;
  };
  struct Session {
    std::string agent;
    double left = 0;  // records that it may write now
    BootTime filled;
    BootTime begun;
    std::map<std::string, std::uint64_t> more;  // counted, by cause
  };
  using Key = std::pair<std::uint64_t, std::string>;  // session first

  Session& session_of(const Denial& denial, BootTime now);
  static void tell(const Equal& equal, std::vector<audit::Entry>& out);
  void tell(std::uint64_t id, Session& session, std::vector<audit::Entry>& out) const;
  [[nodiscard]] bool over(BootTime begun, BootTime now) const {
    return now.nanoseconds - begun.nanoseconds >= limits_.window_ns;
  }

  Limits limits_;
  More more_ = audit::more_denials;
  std::map<Key, Equal> equals_;
  std::map<std::uint64_t, Session> sessions_;
  std::uint64_t counted_ = 0;
};

}  // namespace holdpoint::daemon
