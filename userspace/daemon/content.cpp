// SPDX-License-Identifier: Apache-2.0
#include "daemon/content.hpp"

#include "decision/hold_request.hpp"
#include "kernel/content.hpp"
#include "kernel/process.hpp"

namespace holdpoint::daemon {
namespace {

// Contents of refused execs are kept for their retry; over this the oldest go, and their retry is asked about again.
constexpr std::size_t kMostContents = 2 * HP_MAX_HOLDS;

policy::Outcome outcome_of(const Core& core, const hp_access& fixed) {
  auto outcome = core.policies.outcome(fixed.identity.agent, fixed.rule);
  if (fixed.flags & HP_ACCESS_CHANGED && outcome.verdict != HP_ASK)
    outcome.reason = "Content that a program was approved with has changed since";
  return outcome;
}

}  // namespace

approval::NewHold ask_about(Core& core, const event::Access& access) {
  const auto& fixed = access.fixed;
  const auto process = kernel::read_process(static_cast<int>(fixed.tgid));
  kernel::Bound bound;
  if (fixed.identity.operations & (1U << HP_OP_EXEC))
    bound = kernel::bind_content(*core.programs, core.clock, access, process);
  core.contents.erase(fixed.hold_id);
  if (bound.image.count != 0) core.contents.emplace(fixed.hold_id, bound.image);
  while (core.contents.size() > kMostContents) core.contents.erase(core.contents.begin());
  const auto outcome = outcome_of(core, fixed);
  return decision::make_hold({access, process, bound.files, bound.complete, outcome, core.policies.generation,
                              core.policies.agent_name(fixed.identity.agent)},
                             core.clock.now());
}

std::expected<void, approval::DecideError> content_as_shown(Core& core, const std::string& id) {
  const auto* request = core.ledger.request(id);
  if (request == nullptr || request->state != approval::RequestState::open || request->access.bound.empty())
    return {};
  const auto digest = request->digest;
  std::vector<std::uint64_t> waiting;
  for (const auto& hold : request->holds)
    if (hold.state == approval::HoldState::held) waiting.push_back(hold.id);
  std::string again;
  for (const auto hold : waiting) {
    const auto access = core.programs->hold(hold);
    if (!access) continue;
    auto now = ask_about(core, *access);
    if (now.draft.digest == digest) continue;
    (void)carry_out(core, core.ledger.ask_again(std::move(now), core.clock.now()));
    if (const auto* other = core.ledger.request_of_hold(hold)) again = other->id;
  }
  if (again.empty()) return {};
  return std::unexpected(
      approval::DecideError{approval::DecideError::Kind::not_open,
                            "what it would read has changed since it was asked: asked again as " + again});
}

Result<> bind_content(Core& core, std::uint64_t hold) {
  const auto content = core.contents.find(hold);
  if (content == core.contents.end()) return {};
  return core.programs->bind(hold, content->second);
}

}  // namespace holdpoint::daemon
