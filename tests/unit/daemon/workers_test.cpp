// SPDX-License-Identifier: Apache-2.0
// Work that never ends keeps nobody waiting but itself.
#include "daemon/workers.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace holdpoint::daemon {
namespace {

using namespace std::chrono_literals;

// A file system that answers when it is told to.
struct Gate {
  std::promise<void> promise;
  std::shared_future<void> opened{promise.get_future()};
  ~Gate() {
    if (opened.wait_for(0s) != std::future_status::ready) promise.set_value();
  }
};

class WorkersTest : public ::testing::Test {
 protected:
  // Runs the loop until `condition` holds; the test's own limit ends what never does.
  template <typename Condition>
  void loop_until(Condition condition) {
    while (!condition()) loop.run_one_for(1s);
  }
  void hang(Workers& workers, std::uint64_t session, Gate& gate, int& given_up) {
    workers.run<int>(
        session, [opened = gate.opened] { return opened.wait(), 1; },
        [&given_up](std::optional<int> value) { given_up += value ? 0 : 1; });
  }

  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_ = make_work_guard(loop);
};

TEST_F(WorkersTest, AResultComesOnTheLoop) {
  Workers workers(loop, {});
  std::optional<int> got;
  std::thread::id where;
  workers.run<int>(
      1, [] { return 42; },
      [&](std::optional<int> value) {
        got = value;
        where = std::this_thread::get_id();
      });
  EXPECT_FALSE(got) << "within the call";
  loop_until([&] { return got.has_value(); });
  EXPECT_EQ(*got, 42);
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST_F(WorkersTest, WorkThatNeverEndsIsGivenUpAndOthersGoOn) {
  Gate gate;
  Workers workers(loop, {.threads = 4, .per_session = 2, .patience = 50ms});
  int given_up = 0;
  for (int i = 0; i < 5; ++i) hang(workers, 1, gate, given_up);
  loop_until([&] { return given_up == 5; });
  EXPECT_EQ(workers.stuck(), 2U) << "two of the session's, the others never began";
  hang(workers, 1, gate, given_up);
  loop.poll();
  EXPECT_EQ(given_up, 6) << "at once";
  bool other = false;
  workers.run<int>(2, [] { return 1; }, [&](std::optional<int> value) { other = value.has_value(); });
  loop_until([&] { return other; });
  EXPECT_EQ(workers.given_up(), 6U);
}

TEST_F(WorkersTest, NobodyWaitsBehindTheCrowdOfAnotherSession) {
  Gate gate;
  Workers workers(loop, {.threads = 1, .per_session = 1, .patience = 60s});
  std::vector<int> order;
  const auto note = [&](int what) { return [&order, what](std::optional<int>) { order.push_back(what); }; };
  workers.run<int>(1, [opened = gate.opened] { return opened.wait(), 1; }, note(1));
  for (int i = 0; i < 5; ++i) workers.run<int>(1, [] { return 1; }, note(10 + i));
  workers.run<int>(3, [] { return 1; }, note(3));
  gate.promise.set_value();
  loop_until([&] { return order.size() == 7; });
  EXPECT_EQ(order, (std::vector<int>{1, 10, 3, 11, 12, 13, 14}))
      << "the crowd of session 1 is served one by one, in its order";
}

TEST_F(WorkersTest, WhenAllThreadsAreStuckEverybodyIsToldAtOnceUntilOneComesBack) {
  Gate gate;
  Workers workers(loop, {.threads = 2, .per_session = 1, .patience = 50ms});
  int given_up = 0;
  hang(workers, 1, gate, given_up);
  hang(workers, 2, gate, given_up);
  hang(workers, 3, gate, given_up);
  loop_until([&] { return given_up == 3; });
  EXPECT_EQ(workers.stuck(), 2U);
  hang(workers, 4, gate, given_up);
  loop.poll();
  EXPECT_EQ(given_up, 4);
  gate.promise.set_value();
  loop_until([&] { return workers.stuck() == 0; });
  bool well = false;
  workers.run<int>(1, [] { return 1; }, [&](std::optional<int> value) { well = value.has_value(); });
  loop_until([&] { return well; });
  EXPECT_EQ(given_up, 4) << "nobody is told twice";
}

TEST_F(WorkersTest, TheEndDoesNotWaitForWhatIsStuck) {
  Gate gate;
  int given_up = 0;
  {
    Workers workers(loop, {.threads = 1, .per_session = 1, .patience = 50ms});
    hang(workers, 1, gate, given_up);
    loop_until([&] { return given_up == 1; });
  }
  gate.promise.set_value();
  loop.poll();
  EXPECT_EQ(given_up, 1);
}

}  // namespace
}  // namespace holdpoint::daemon
