// SPDX-License-Identifier: Apache-2.0
// A daemon without a kernel: the real ledger, a record log in memory, and a clock that stands still until it is told.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/service.hpp"
#include "approval/ledger.hpp"
#include "base/clock.hpp"

namespace holdpoint::api::test {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] Now now() const override { return now_; }
  void set(Now now) { now_ = now; }
  void advance(Duration by) {
    now_ = {now_.wall + by, {now_.boot.nanoseconds + static_cast<std::uint64_t>(by.count())}};
  }

 private:
  Now now_{WallTime(std::chrono::sys_days(std::chrono::year(2026) / 3 / 14) + std::chrono::hours(9)),
           {1'000'000'000}};
};

class FakeService final : public Service {
 public:
  explicit FakeService(const Clock& clock) : clock_(clock) {}

  // A session "coder", and one request in it that opens a file or runs a program. `salt` makes digests differ.
  std::uint64_t add_session(const std::string& agent = "coder");
  std::string add_request(std::uint64_t session, const std::string& object = "/home/ada/.ssh/id_ed25519",
                          std::vector<std::string> argv = {}, Duration timeout = std::chrono::minutes(15));
  void expire();
  void record(const std::string& kind, const std::string& json);
  // How many watchers there are now.
  [[nodiscard]] std::size_t subscribers() const { return callbacks_->size(); }

  [[nodiscard]] bool caller_is_tagged(int pid) const override { return all_tagged || tagged.contains(pid); }
  [[nodiscard]] const approval::Ledger& ledger() const override { return ledger_; }
  [[nodiscard]] std::expected<void, approval::DecideError> decide(const std::string& request,
                                                                  approval::Decision decision) override;
  [[nodiscard]] std::expected<void, approval::DecideError> revoke(const std::string& grant,
                                                                  const approval::Principal& by) override;
  [[nodiscard]] Result<approval::Session> start_session(const Caller& caller,
                                                        const NewSession& wanted) override;
  [[nodiscard]] Result<approval::Session> tag(const Caller& caller, const TagTarget& target) override;
  [[nodiscard]] Result<> untag(const Caller& caller, std::uint64_t session) override;
  [[nodiscard]] Result<approval::Lockdown> lock_down(const Caller& caller, const approval::LockScope& scope,
                                                     const event::MaskedText& reason) override;
  [[nodiscard]] Result<> release(const Caller& caller, const approval::LockScope& scope) override;
  [[nodiscard]] Result<approval::Disarming> disarm(const Caller& caller, Duration lifetime,
                                                   const event::MaskedText& reason) override;
  [[nodiscard]] Result<> arm(const Caller& caller) override;
  [[nodiscard]] bool is_locked_down(const approval::Session& session) const override {
    return approval::lockdown_of(operators, session.agent, session.id) != nullptr;
  }
  [[nodiscard]] std::vector<ModeRow> modes(const std::string& agent) const override;
  [[nodiscard]] bool is_observed(const std::string& agent) const override { return agent == "watched"; }
  [[nodiscard]] Result<ModeRow> set_mode(const Caller& caller, const ModeChange& change) override;
  [[nodiscard]] Result<std::string> check_policy(const std::string& file,
                                                 const std::string& text) const override;
  [[nodiscard]] Result<std::string> reload_policy(const Caller& caller) override;
  [[nodiscard]] Health health() const override;
  [[nodiscard]] Result<std::vector<StreamEvent>> records(std::uint64_t after,
                                                         std::size_t limit) const override;
  [[nodiscard]] Subscription subscribe(std::function<void(const StreamEvent&)> callback) override;

  // A decision with this reason meets a store that cannot write.
  static constexpr const char* disk_full = "the disk is full";
  // And one with this has seen another action than the request asks about by then.
  static constexpr const char* another_action = "another action";
  std::set<int> tagged;
  bool all_tagged = false;
  bool healthy = true;
  std::optional<NewSession> last_session;
  std::optional<TagTarget> last_tag;
  approval::OperatorState operators;
  std::optional<ModeChange> last_mode;
  std::string policy_directory = "/etc/holdpoint/policies";
  std::optional<Error> reload_error;  // what reading the policy again meets

 private:
  void carry_out(const approval::Steps& steps);
  approval::Session make_session(const std::string& agent, const std::string& how,
                                 const approval::Principal& owner);

  using Callbacks = std::map<std::uint64_t, std::function<void(const StreamEvent&)>>;
  const Clock& clock_;
  approval::Ledger ledger_{{}};
  std::vector<StreamEvent> log_;
  std::shared_ptr<Callbacks> callbacks_ = std::make_shared<Callbacks>();
  std::uint64_t next_callback_ = 1;
  std::uint64_t next_session_ = 1;
  std::uint64_t next_hold_ = 1;
};

}  // namespace holdpoint::api::test
