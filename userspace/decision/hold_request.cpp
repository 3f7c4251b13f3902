// SPDX-License-Identifier: Apache-2.0
#include "decision/hold_request.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace holdpoint::decision {
namespace {

constexpr std::size_t kLongestName = 64;  // bytes of a variable's name that a warning shows

class Sha256 {
 public:
  Sha256() : context_(::EVP_MD_CTX_new(), ::EVP_MD_CTX_free) {
    ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr);
  }
  void bytes(const void* data, std::size_t size) { ::EVP_DigestUpdate(context_.get(), data, size); }
  void number(std::uint64_t value) { bytes(&value, sizeof(value)); }
  // Length first: no two lists of texts give the same bytes.
  void text(const std::string& value) {
    number(value.size());
    bytes(value.data(), value.size());
  }
  [[nodiscard]] std::string hex() {
    std::array<unsigned char, 32> out{};
    ::EVP_DigestFinal_ex(context_.get(), out.data(), nullptr);
    std::string shown;
    for (const auto byte : out) shown += fmt::format("{:02x}", byte);
    return shown;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

std::vector<std::string> warnings(const HoldFacts& facts) {
  std::vector<std::string> found;
  const auto& access = facts.access.fixed;
  if (access.flags & HP_ACCESS_UNLINKED)
    found.emplace_back("the file has no name any more: nobody can look at it later");
  if (access.flags & HP_ACCESS_ARGV_CUT)
    found.emplace_back("argv is longer than 16 KiB, or its paths than 4, and cannot be verified: deny only");
  if (access.flags & HP_ACCESS_TRACED)
    found.emplace_back("another process traces it, and can make something else of it once it runs");
  if (access.flags & HP_ACCESS_TRUNCATE) found.emplace_back("the file will be emptied");
  if (access.flags & HP_ACCESS_FAST_OPEN) found.emplace_back("TCP fast open: connects and sends at once");
  if (access.flags & HP_ACCESS_CHANGED)
    found.emplace_back("content changed since it was approved, or it is being written");
  if (access.flags & HP_ACCESS_REFUSED) found.emplace_back("refused at once; approval lets a retry pass");
  for (const auto& variable : facts.access.environment)
    // The rest of a name that begins with BASH_FUNC_ is the agent's text.
    if (const auto name = event::mask(variable.substr(0, std::min(variable.find('='), kLongestName))).text();
        name != "PATH")
      found.emplace_back("the environment sets " + name + ", which changes what the program does");
  if (!facts.bound_complete)
    found.emplace_back("content not bound: a file that it would read could not be hashed");
  if (facts.input_unbound)
    found.emplace_back(
        "content not bound: its standard input is a file, and an interpreter may run what is in it");
  return found;
}

}  // namespace

std::string request_digest(const event::Access& access, const std::vector<event::BoundFile>& bound,
                           bool complete) {
  Sha256 hash;
  hash.bytes(&access.fixed.identity, sizeof(access.fixed.identity));
  hash.text(access.path);
  hash.text(access.second);
  hash.number(access.argv.size());
  for (const auto& argument : access.argv) hash.text(argument);
  hash.number(access.environment.size());
  for (const auto& variable : access.environment) hash.text(variable);
  hash.number(bound.size());
  for (const auto& file : bound) {
    hash.text(file.path);
    hash.text(file.sha256);
  }
  // Who approved what is shown in whole has not approved the same with a pipe among its arguments.
  if (!complete) hash.text("not all");
  return hash.hex();
}

approval::NewHold make_hold(const HoldFacts& facts, Now now) {
  const auto& fixed = facts.access.fixed;
  approval::NewHold made;
  made.hold.id = fixed.hold_id;
  made.hold.kernel_digest = {fixed.digest[0], fixed.digest[1]};
  made.hold.tid = static_cast<int>(fixed.tid);
  made.hold.tgid = static_cast<int>(fixed.tgid);
  made.hold.start_time = fixed.start_time;
  // The ledger compares it with a grant's beginning, so it is the kernel's moment and not ours.
  const auto age = now.boot.nanoseconds > fixed.since ? now.boot.nanoseconds - fixed.since : 0;
  made.hold.since = now.wall - Duration(age);
  made.hold.state =
      fixed.flags & HP_ACCESS_REFUSED ? approval::HoldState::refused : approval::HoldState::held;
  made.bindable = !(fixed.flags & HP_ACCESS_ARGV_CUT);
  auto& draft = made.draft;
  draft.digest = request_digest(facts.access, facts.bound, facts.bound_complete);
  draft.session = fixed.identity.session;
  draft.agent = facts.agent;
  draft.rule = {facts.outcome.id, facts.outcome.reason, facts.generation, facts.outcome.timeout};
  draft.access = event::mask(facts.access, facts.process, facts.bound, warnings(facts));
  draft.comm = event::mask(std::string_view(fixed.comm, ::strnlen(fixed.comm, sizeof(fixed.comm))));
  draft.tgid = made.hold.tgid;
  draft.uid = fixed.identity.uid;
  return made;
}

policy::Query to_query(const event::Access& access, const std::string& executable) {
  policy::Query query;
  query.operations = access.fixed.identity.operations;
  query.kind = static_cast<hp_object_kind>(access.fixed.identity.kind);
  query.path = access.path;
  std::copy_n(access.fixed.identity.address, query.address.size(), query.address.begin());
  query.port = access.fixed.identity.port;
  query.protocol = static_cast<std::uint8_t>(access.fixed.identity.protocol);
  query.executable = executable;
  return query;
}

}  // namespace holdpoint::decision
