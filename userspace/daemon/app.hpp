// SPDX-License-Identifier: Apache-2.0
// The running daemon: the core, its API, its timers, on one loop in one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/system_timer.hpp>
#include <memory>

#include "api/server.hpp"
#include "daemon/core.hpp"
#include "daemon/service.hpp"

namespace holdpoint::daemon {

class App {
 public:
  App(std::unique_ptr<Core> core, const Clock& clock);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Opens the API. Error: another daemon has the socket, or it cannot be made.
  [[nodiscard]] Result<> open_api();
  // Runs until SIGTERM or SIGINT. The kernel goes on enforcing afterwards.
  void run();

 private:
  void wait_for_bells();
  void take_bells();
  void wait_for_deadline();
  void look_at_standing();
  void wait_for_scan();
  void wait_for_signal();
  void on_deadline();

  const Clock& clock_;
  std::unique_ptr<Core> core_;
  boost::asio::io_context& loop_;  // the core's
  CoreService service_;
  std::unique_ptr<api::Server> server_;
  boost::asio::posix::stream_descriptor bells_;
  boost::asio::system_timer deadline_;
  boost::asio::system_timer scan_;
  boost::asio::signal_set signals_;
  std::uint64_t seen_store_failures_ = 0;
  std::uint64_t lost_bells_ = 0;
  unsigned ticks_ = 0;
};

}  // namespace holdpoint::daemon
