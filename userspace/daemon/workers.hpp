// SPDX-License-Identifier: Apache-2.0
// Threads for work that may never end: what an agent's file system is asked for. The loop never waits for them.
//
// A job gets values and gives a value; it shares nothing that changes. One that has not ended in time is given up: its caller
// goes on without a result, and its thread is stuck until the file system answers. A session may occupy only some of the
// threads, so that it cannot take them from all others.
// Owner: the core. Thread: the daemon's loop; only jobs run elsewhere.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace holdpoint::daemon {

class Workers {
 public:
  struct Options {
    std::size_t threads =
        8;  // on the smallest host that we think of, this many hash what others have just written
    std::size_t per_session = 2;                 // four sessions must conspire to take all
    std::size_t waiting = 4096;                  // as many as the kernel has holds
    std::chrono::milliseconds patience{10'000};  // 17 files of 16 MiB from a slow disk
  };

  Workers(boost::asio::io_context& loop, Options options);
  // Does not wait for jobs. Their threads end with their job, or with the process.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Runs `work` for `session` on a thread, then `done` on the loop, never within this call. Nullopt: given up, or refused at
  // once, since the session's threads (or all) are stuck or too much waits.
  template <typename Value>
  void run(std::uint64_t session, std::function<Value()> work,
           std::function<void(std::optional<Value>)> done) {
    auto slot = std::make_shared<std::optional<Value>>();
    start(
        session, [slot, work = std::move(work)] { slot->emplace(work()); },
        // A slot that was given up may be written at any time: it is not looked at.
        [slot, done = std::move(done)](bool ended) { done(ended ? std::move(*slot) : std::nullopt); });
  }

  [[nodiscard]] std::uint64_t given_up() const { return given_up_; }  // ever
  [[nodiscard]] std::size_t stuck() const { return stuck_; }          // now

 private:
  struct Shared;
  enum class State { waiting, running, stuck };
  struct Job {
    std::uint64_t session = 0;
    State state = State::waiting;
    std::function<void()> work;
    std::function<void(bool)> done;
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  struct Use {
    std::size_t active = 0;  // running or stuck
    std::size_t stuck = 0;
  };

  void start(std::uint64_t session, std::function<void()> work, std::function<void(bool)> done);
  [[nodiscard]] bool hopeless(std::uint64_t session) const;
  [[nodiscard]] std::deque<std::uint64_t>::iterator next_waiting();
  void pump();
  void out_of_patience(std::uint64_t id);
  void give_up_waiting();
  void ended(std::uint64_t id);

  boost::asio::io_context& loop_;
  Options options_;
  std::shared_ptr<Shared> shared_;
  std::map<std::uint64_t, Job> jobs_;
  std::deque<std::uint64_t> waiting_;
  std::map<std::uint64_t, Use> sessions_;
  // When each session's last job began, counted in jobs; forgotten when nobody waits.
  std::map<std::uint64_t, std::uint64_t> turns_;
  std::uint64_t turn_ = 0;
  std::size_t active_ = 0;
  std::size_t stuck_ = 0;
  std::uint64_t given_up_ = 0;
  std::uint64_t next_ = 1;
};

}  // namespace holdpoint::daemon
