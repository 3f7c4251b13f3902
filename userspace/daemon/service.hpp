// SPDX-License-Identifier: Apache-2.0
// The daemon as the API sees it. Thread: the daemon's loop.
#pragma once

#include "api/service.hpp"
#include "daemon/core.hpp"

namespace holdpoint::daemon {

class CoreService final : public api::Service {
 public:
  // `changed` is called after every call that may have moved a deadline.
  CoreService(Core& core, std::function<void()> changed);

  [[nodiscard]] bool caller_is_tagged(int pid) const override;
  [[nodiscard]] const approval::Ledger& ledger() const override { return core_.ledger; }
  [[nodiscard]] bool content_known(const std::string& request) const override;
  void read_content(const std::string& request, std::function<void()> done) override;
  [[nodiscard]] std::expected<void, approval::DecideError> decide(const std::string& request,
                                                                  approval::Decision decision) override;
  [[nodiscard]] std::expected<void, approval::DecideError> revoke(const std::string& grant,
                                                                  const approval::Principal& by) override;
  [[nodiscard]] Result<approval::Session> start_session(const api::Caller& caller,
                                                        const api::NewSession& wanted) override;
  [[nodiscard]] Result<approval::Session> tag(const api::Caller& caller,
                                              const api::TagTarget& target) override;
  [[nodiscard]] Result<> untag(const api::Caller& caller, std::uint64_t session) override;
  [[nodiscard]] Result<approval::Lockdown> lock_down(const api::Caller& caller,
                                                     const approval::LockScope& scope,
                                                     const event::MaskedText& reason) override;
  [[nodiscard]] Result<> release(const api::Caller& caller, const approval::LockScope& scope) override;
  [[nodiscard]] Result<approval::Disarming> disarm(const api::Caller& caller, Duration lifetime,
                                                   const event::MaskedText& reason) override;
  [[nodiscard]] Result<> arm(const api::Caller& caller) override;
  [[nodiscard]] bool is_locked_down(const approval::Session& session) const override;
  [[nodiscard]] std::vector<api::ModeRow> modes(const std::string& agent) const override;
  [[nodiscard]] bool is_observed(const std::string& agent) const override;
  [[nodiscard]] Result<api::ModeRow> set_mode(const api::Caller& caller,
                                              const api::ModeChange& change) override;
  [[nodiscard]] Result<std::string> check_policy(const std::string& file,
                                                 const std::string& text) const override;
  [[nodiscard]] Result<std::string> reload_policy(const api::Caller& caller) override;
  [[nodiscard]] api::Health health() const override;
  [[nodiscard]] Result<std::vector<api::StreamEvent>> records(std::uint64_t after,
                                                              std::size_t limit) const override;
  [[nodiscard]] Subscription subscribe(std::function<void(const api::StreamEvent&)> callback) override;

 private:
  [[nodiscard]] std::expected<void, approval::DecideError> finish(
      std::expected<approval::Steps, approval::DecideError> steps);

  Core& core_;
  std::function<void()> changed_;
  WallTime started_;
};

}  // namespace holdpoint::daemon
