// SPDX-License-Identifier: Apache-2.0
#include "daemon/content.hpp"

#include <boost/asio/post.hpp>

#include "decision/hold_request.hpp"
#include "kernel/process.hpp"

namespace holdpoint::daemon {
namespace {

// Contents of refused execs are kept for their retry; over this the oldest go, and their retry is asked about again.
constexpr std::size_t kMostContents = 2 * HP_MAX_HOLDS;
// What was read for an approval is good for the approval that waits for it, and no later one.
constexpr std::uint64_t kFreshNs = 2'000'000'000;

policy::Outcome outcome_of(const Core& core, const hp_access& fixed) {
  auto outcome = core.policies.outcome(fixed.identity.agent, fixed.rule, fixed.policy_generation);
  if (fixed.flags & HP_ACCESS_CHANGED && outcome.verdict != HP_ASK)
    outcome.reason = "Content that a program was approved with has changed since";
  return outcome;
}

bool is_exec(const event::Access& access) {
  return (access.fixed.identity.operations & (1U << HP_OP_EXEC)) != 0;
}

// Never of one that waits: its approval could not be carried out. There are fewer of these.
void forget_oldest(Core& core) {
  for (auto content = core.contents.begin();
       core.contents.size() > kMostContents && content != core.contents.end();)
    content = core.held.contains(content->first) ? std::next(content) : core.contents.erase(content);
}

approval::NewHold question(Core& core, const event::Access& access, const kernel::ReadContent& content) {
  const auto& fixed = access.fixed;
  if (is_exec(access))
    core.contents.insert_or_assign(fixed.hold_id, ShownContent{content.bound.image, content.bound.whole});
  forget_oldest(core);
  const auto outcome = outcome_of(core, fixed);
  return decision::make_hold(
      {access, content.process, content.bound.files, content.bound.complete, content.bound.input, outcome,
       fixed.policy_generation, core.policies.agent_name(fixed.identity.agent)},
      core.clock.now());
}

// Without its files: they could not be read in time.
kernel::ReadContent unread(const event::Access& access) {
  kernel::ReadContent content{kernel::read_process(static_cast<int>(access.fixed.tgid)), {}};
  content.bound.complete = content.bound.whole = false;
  return content;
}

// Calls `done` on the loop, later.
void read(Core& core, const event::Access& given, std::function<void(const kernel::ReadContent&)> done) {
  const auto access = std::make_shared<const event::Access>(given);
  core.workers->run<kernel::ReadContent>(
      access->fixed.identity.session,
      [programs = core.programs, access] {
        kernel::ReadContent content{kernel::read_process(static_cast<int>(access->fixed.tgid)), {}};
        content.bound = kernel::bind_content(*programs, SystemClock(), *access, content.process);
        return content;
      },
      [access, done = std::move(done)](std::optional<kernel::ReadContent> content) {
        done(content ? *content : unread(*access));
      });
}

std::vector<std::uint64_t> waiting(const approval::Request& request) {
  std::vector<std::uint64_t> holds;
  for (const auto& hold : request.holds)
    if (hold.state == approval::HoldState::held) holds.push_back(hold.id);
  return holds;
}

// A script that is executed by its own name, and is another file by now, or was written to. Only the kernel can say what would
// run: its thread makes the call again, which the kernel then asks about by its new identity.
bool executes_another(const event::Access& access, const kernel::Bound& bound) {
  const auto& held = access.fixed.identity;
  const auto& file = bound.image.files[0];
  if (bound.image.count == 0 || file.script == 0) return false;
  if (access.fixed.flags & HP_ACCESS_SCRIPT_STAGE)
    return file.device != held.script_device || file.inode != held.script_inode ||
           file.size != held.script_size || file.ctime_ns != held.script_ctime_ns;
  return file.device != held.device || file.inode != held.inode || file.size != held.size ||
         file.ctime_ns != held.ctime_ns;
}

// False: it cannot run now, since somebody else has stopped it.
bool call_again(Core& core, std::uint64_t hold) {
  const auto thread = core.held.find(hold);
  if (thread == core.held.end() || thread->second.user_stopped) return false;
  core.parking.release(hold, thread->second, false);
  return true;
}

// Of every exec, also of one that named no file: one may have appeared since.
bool reads_again(const approval::Request* request) {
  return request != nullptr && request->state == approval::RequestState::open && reads_content(*request);
}

}  // namespace

bool reads_content(const approval::Request& request) {
  return request.access.operation == event::operation_text(1U << HP_OP_EXEC);
}

void ask_about(Core& core, const event::Access& access, std::function<void(approval::NewHold)> then) {
  const auto id = access.fixed.hold_id;
  if (!is_exec(access))
    return then(question(core, access, {kernel::read_process(static_cast<int>(access.fixed.tgid)), {}}));
  core.being_read.try_emplace(id);
  read(core, access, [&core, access, then = std::move(then)](const kernel::ReadContent& content) {
    // Over meanwhile: nobody is asked.
    if (!core.being_read.contains(access.fixed.hold_id) || !core.programs->hold(access.fixed.hold_id)) {
      core.being_read.erase(access.fixed.hold_id);
      return;
    }
    then(question(core, access, content));
  });
}

bool content_known(const Core& core, const std::string& id) {
  if (!reads_again(core.ledger.request(id))) return true;
  const auto found = core.read_again.find(id);
  return found != core.read_again.end() &&
         core.clock.now().boot.nanoseconds - found->second.at.nanoseconds < kFreshNs;
}

void read_content(Core& core, const std::string& id, std::function<void()> done) {
  const auto finish = [&core, id, done = std::move(done)](ReadAgain result) {
    const auto now = core.clock.now().boot;
    // Of clients that left.
    std::erase_if(core.read_again, [&](const auto& entry) {
      return now.nanoseconds - entry.second.at.nanoseconds >= kFreshNs;
    });
    result.at = now;
    core.read_again.insert_or_assign(id, std::move(result));
    done();
  };
  struct Pending {
    ReadAgain result;
    std::size_t left = 0;
  };
  const auto pending = std::make_shared<Pending>();
  if (const auto* request = core.ledger.request(id); reads_again(request))
    for (const auto hold : waiting(*request)) {
      const auto access = core.programs->hold(hold);
      if (!access) continue;
      ++pending->left;
      read(core, *access, [pending, hold, finish](const kernel::ReadContent& content) {
        pending->result.contents.emplace(hold, content);
        if (--pending->left == 0) finish(std::move(pending->result));
      });
    }
  if (pending->left == 0) boost::asio::post(*core.loop, [finish] { finish({}); });
}

std::expected<void, approval::DecideError> content_as_shown(Core& core, const std::string& id) {
  const auto* request = core.ledger.request(id);
  if (!reads_again(request)) return {};
  const auto digest = request->digest;
  const auto found = core.read_again.extract(id);
  if (found.empty())
    return std::unexpected(approval::DecideError{approval::DecideError::Kind::not_read,
                                                 "what it would read has not been read again"});
  std::string again;
  bool called_again = false;
  // One that has joined since was read when it joined.
  for (const auto& [hold, content] : found.mapped().contents) {
    const auto access = core.programs->hold(hold);
    if (!access) continue;
    auto now = question(core, *access, content);
    if (now.draft.digest == digest) continue;
    if (executes_another(*access, content.bound) && call_again(core, hold)) {
      called_again = true;
      continue;
    }
    (void)carry_out(core, core.ledger.ask_again(std::move(now), core.clock.now()));
    if (const auto* other = core.ledger.request_of_hold(hold)) again = other->id;
  }
  if (again.empty() && !called_again) return {};
  const auto how = again.empty() ? "its call is made anew, and asked again" : "asked again as " + again;
  return std::unexpected(approval::DecideError{approval::DecideError::Kind::not_open,
                                               "what it would read has changed since it was asked: " + how});
}

std::expected<void, BindError> bind_content(Core& core, std::uint64_t hold) {
  const auto content = core.contents.find(hold);
  if (content != core.contents.end()) {
    const auto& image = content->second.image;
    if (image.count == 0) return {};
    if (auto bound = core.programs->bind(hold, image); !bound)
      return std::unexpected(BindError{BindError::Kind::no_room, std::move(bound.error())});
    return {};
  }
  // A daemon was killed between a decision and its effect, and this one has not read the files yet.
  const auto* request = core.ledger.request_of_hold(hold);
  if (request != nullptr && reads_content(*request))
    return std::unexpected(
        BindError{BindError::Kind::not_read,
                  {"what it may read is not known yet", "it stays held until its files have been read"}});
  return {};
}

}  // namespace holdpoint::daemon
