// SPDX-License-Identifier: Apache-2.0
#include "daemon/workers.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace holdpoint::daemon {

// What the threads see. It outlives the Workers, as long as a thread is stuck.
struct Workers::Shared {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::pair<std::uint64_t, std::function<void()>>> queue;
  bool over = false;
  boost::asio::io_context* loop = nullptr;  // null when over
  Workers* owner = nullptr;                 // touched on the loop only

  static void serve(const std::shared_ptr<Shared>& self) {
    std::unique_lock lock(self->mutex);
    for (;;) {
      self->wake.wait(lock, [&] { return self->over || !self->queue.empty(); });
      if (self->over) return;
      auto [id, work] = std::move(self->queue.front());
      self->queue.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
      if (self->over) return;
      boost::asio::post(*self->loop, [self, id = id] { self->owner->ended(id); });
    }
  }
};

Workers::Workers(boost::asio::io_context& loop, Options options)
    : loop_(loop), options_(options), shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
  shared_->owner = this;
  // Signals are the loop's.
  sigset_t all{}, before{};
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  for (std::size_t i = 0; i < options.threads; ++i)
    std::thread([shared = shared_] { Shared::serve(shared); }).detach();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Workers::~Workers() {
  const std::lock_guard lock(shared_->mutex);
  shared_->over = true;
  shared_->loop = nullptr;
  shared_->wake.notify_all();
}

bool Workers::hopeless(std::uint64_t session) const {
  if (stuck_ >= options_.threads) return true;
  const auto use = sessions_.find(session);
  return use != sessions_.end() && use->second.stuck >= options_.per_session;
}

void Workers::start(std::uint64_t session, std::function<void()> work, std::function<void(bool)> done) {
  if (hopeless(session) || waiting_.size() >= options_.waiting) {
    ++given_up_;
    boost::asio::post(loop_, [done = std::move(done)] { done(false); });
    return;
  }
  const auto id = next_++;
  jobs_.emplace(id, Job{session, State::waiting, std::move(work), std::move(done), nullptr});
  waiting_.push_back(id);
  pump();
}

// The next to run: of the session that has the fewest threads, and among those of the one that has waited longest for its turn,
// so that nobody waits behind the crowd of another; of its own the oldest.
std::deque<std::uint64_t>::iterator Workers::next_waiting() {
  auto best = waiting_.end();
  std::pair<std::size_t, std::uint64_t> least{options_.per_session, 0};
  for (auto next = waiting_.begin(); next != waiting_.end(); ++next) {
    const auto session = jobs_.at(*next).session;
    const auto use = sessions_.find(session);
    const auto turn = turns_.find(session);
    const std::pair<std::size_t, std::uint64_t> rank{use == sessions_.end() ? 0 : use->second.active,
                                                     turn == turns_.end() ? 0 : turn->second};
    if (rank >= least) continue;
    best = next;
    least = rank;
    if (rank == std::pair<std::size_t, std::uint64_t>{}) break;
  }
  return best;
}

void Workers::pump() {
  while (active_ < options_.threads) {
    const auto next = next_waiting();
    if (next == waiting_.end()) return;
    const auto id = *next;
    waiting_.erase(next);
    auto& job = jobs_.at(id);
    turns_[job.session] = ++turn_;
    if (waiting_.empty()) turns_.clear();
    job.state = State::running;
    // From here on: waiting ends when another job ends or is given up.
    job.timer = std::make_unique<boost::asio::steady_timer>(loop_, options_.patience);
    job.timer->async_wait([this, id](const boost::system::error_code& error) {
      if (!error) out_of_patience(id);
    });
    ++sessions_[job.session].active;
    ++active_;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->queue.emplace_back(id, std::move(job.work));
    }
    shared_->wake.notify_one();
  }
}

void Workers::out_of_patience(std::uint64_t id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.state == State::stuck) return;
  ++given_up_;
  const auto done = std::exchange(found->second.done, nullptr);
  found->second.state = State::stuck;
  ++sessions_[found->second.session].stuck;
  ++stuck_;
  done(false);
  give_up_waiting();
}

// Those whose turn cannot come.
void Workers::give_up_waiting() {
  std::vector<std::function<void(bool)>> told;
  std::erase_if(waiting_, [&](std::uint64_t id) {
    const auto job = jobs_.find(id);
    if (!hopeless(job->second.session)) return false;
    told.push_back(std::move(job->second.done));
    jobs_.erase(job);
    return true;
  });
  given_up_ += told.size();
  for (const auto& done : told) done(false);
}

void Workers::ended(std::uint64_t id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  auto job = std::move(found->second);
  jobs_.erase(found);
  --active_;
  auto& use = sessions_[job.session];
  --use.active;
  if (job.state == State::stuck) {
    --use.stuck;
    --stuck_;
  }
  if (use.active == 0) sessions_.erase(job.session);
  pump();
  if (job.done) job.done(true);
}

}  // namespace holdpoint::daemon
