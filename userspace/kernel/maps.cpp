// SPDX-License-Identifier: Apache-2.0
// Every read and write of a map. Who writes what: include/holdpoint/hold.h.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <set>

#include "base/fd.hpp"
#include "holdpoint.skel.h"
#include "kernel/programs.hpp"

namespace holdpoint::kernel {
namespace {

template <typename Key>
std::vector<Key> keys_of(int map) {
  std::vector<Key> keys;
  Key key{};
  int found = ::bpf_map_get_next_key(map, nullptr, &key);
  // Bounded: entries that appear and go while we walk could send a hash map's walk round again.
  while (found == 0 && keys.size() < 4 * HP_MAX_CGROUPS) {
    keys.push_back(key);
    Key next{};
    found = ::bpf_map_get_next_key(map, &key, &next);
    key = next;
  }
  return keys;
}

template <typename Value, typename Key>
std::optional<Value> lookup(int map, const Key& key) {
  Value value{};
  if (::bpf_map_lookup_elem(map, &key, &value) != 0) return std::nullopt;
  return value;
}

template <typename Key, typename Value>
Result<> update(int map, const Key& key, const Value& value, const char* what) {
  if (::bpf_map_update_elem(map, &key, &value, BPF_ANY) != 0)
    return fail_errno(std::string("cannot write ") + what, errno);
  return {};
}

}  // namespace

Result<> Programs::swap_policy(std::uint32_t slot, const hp_policy& image) {
  const Fd inner(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "hp_policy", sizeof(std::uint32_t), sizeof(hp_policy),
                                  1, nullptr));
  if (!inner) return fail_errno("cannot make a policy table", errno);
  if (auto written = update(inner.get(), std::uint32_t{0}, image, "a policy table"); !written) return written;
  return update(::bpf_map__fd(skeleton_->maps.policies), slot, inner.get(), "the policy slot");
}

Result<> Programs::publish(std::uint32_t agent, const hp_policy& image) { return swap_policy(agent, image); }
Result<> Programs::publish_cgroups(const hp_policy& image) { return swap_policy(HP_MAX_AGENTS, image); }

Result<> Programs::withdraw(std::uint32_t agent) {
  // Looked at first: the kernel waits for a grace period at each deletion from this map, also where there was nothing.
  std::uint32_t image = 0;
  if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.policies), &agent, &image) != 0 && errno == ENOENT)
    return {};
  if (::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.policies), &agent) != 0 && errno != ENOENT)
    return fail_errno("cannot withdraw a policy", errno);
  return {};
}

std::uint32_t Programs::generation() const {
  std::uint32_t highest = 0;
  const auto image = std::make_unique<hp_policy>();
  for (std::uint32_t slot = 0; slot <= HP_MAX_AGENTS; ++slot) {
    const auto id = lookup<std::uint32_t>(::bpf_map__fd(skeleton_->maps.policies), slot);
    const Fd inner(id ? ::bpf_map_get_fd_by_id(*id) : -1);
    const std::uint32_t first = 0;
    if (inner && ::bpf_map_lookup_elem(inner.get(), &first, image.get()) == 0)
      highest = std::max(highest, image->generation);
  }
  return highest;
}

Result<> Programs::name_agents(const std::vector<std::string>& names) {
  using Name = std::array<char, HP_AGENT_NAME>;
  const int map = ::bpf_map__fd(skeleton_->maps.agent_names);
  for (const auto& old : keys_of<Name>(map)) ::bpf_map_delete_elem(map, &old);
  for (std::uint32_t id = 0; id < names.size(); ++id) {
    Name key{};
    std::memcpy(key.data(), names[id].data(), std::min(names[id].size(), key.size() - 1));
    if (auto written = update(map, key, id, "an agent's name"); !written) return written;
  }
  return {};
}

Result<> Programs::name_variables(const std::vector<std::string>& names) {
  using Name = std::array<char, HP_VARIABLE_NAME>;
  const int map = ::bpf_map__fd(skeleton_->maps.variables);
  std::set<Name> wanted;
  for (const auto& name : names) {
    Name key{};
    std::memcpy(key.data(), name.data(), std::min(name.size(), key.size() - 1));
    wanted.insert(key);
  }
  // Old ones out first: both together may be more than there is room for.
  for (const auto& old : keys_of<Name>(map))
    if (wanted.erase(old) == 0) ::bpf_map_delete_elem(map, &old);
  for (const auto& key : wanted)
    if (auto written = update(map, key, std::uint32_t{1}, "a variable's name"); !written) return written;
  return {};
}

std::optional<event::Access> Programs::hold(std::uint64_t id) const {
  // 4 and 16 KiB: on the heap, since the loop's stack is shared with Asio's.
  const auto hold = std::make_unique<hp_hold>();
  if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.holds), &id, hold.get()) != 0) return std::nullopt;
  const auto arguments = std::make_unique<hp_argv>();
  std::span<const std::byte> argument_bytes;
  if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.arguments), &id, arguments.get()) == 0)
    argument_bytes = std::as_bytes(std::span(arguments.get(), 1));
  auto decoded = event::decode_hold(std::as_bytes(std::span(hold.get(), 1)), argument_bytes);
  if (!decoded) return std::nullopt;
  return std::move(*decoded);
}

std::vector<std::uint64_t> Programs::holds() const {
  return keys_of<std::uint64_t>(::bpf_map__fd(skeleton_->maps.holds));
}

Result<> Programs::answer(std::uint64_t hold, const std::array<std::uint64_t, 2>& digest, bool allow,
                          BootTime not_after) {
  hp_answer answer{};
  std::memcpy(answer.digest, digest.data(), sizeof(answer.digest));
  answer.not_after = not_after.nanoseconds;
  answer.verdict = allow ? HP_ALLOW : HP_DENY;
  return update(::bpf_map__fd(skeleton_->maps.verdicts), hold, answer, "a verdict");
}

void Programs::remove_answer(std::uint64_t hold) {
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.verdicts), &hold);
}

void Programs::remove_refused(std::uint64_t hold) {
  // By the kernel's side, which counts the session's holds.
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &hold, .ctx_size_in = sizeof(hold));
  if (::bpf_prog_test_run_opts(set_.run(Run::filed), &options) == 0) return;
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.holds), &hold);
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.arguments), &hold);
}

Result<> Programs::put_grant(const hp_grant_key& key, const hp_grant& grant) {
  return update(::bpf_map__fd(skeleton_->maps.grants), key, grant, "a grant");
}
void Programs::remove_grant(const hp_grant_key& key) {
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.grants), &key);
}
std::vector<hp_grant_key> Programs::grants() const {
  return keys_of<hp_grant_key>(::bpf_map__fd(skeleton_->maps.grants));
}
std::optional<std::uint64_t> Programs::grant_uses(const hp_grant_key& key) const {
  const auto grant = lookup<hp_grant>(::bpf_map__fd(skeleton_->maps.grants), key);
  if (!grant) return std::nullopt;
  return grant->uses;
}

Result<std::uint64_t> Programs::open_session(std::uint32_t agent, std::uint64_t cgroup,
                                             std::uint32_t owner_uid, std::uint32_t login_uid, BootTime now) {
  const std::uint64_t id = std::atomic_ref(config_->next_session).fetch_add(1);
  hp_session session{};
  session.cgroup = cgroup;
  session.started = now.nanoseconds;
  session.agent = agent;
  session.owner_uid = owner_uid;
  session.login_uid = login_uid;
  if (auto written = update(::bpf_map__fd(skeleton_->maps.sessions), id, session, "a session"); !written)
    return std::unexpected(written.error());
  if (auto written = put_cgroup(cgroup, hp_cgroup{id, agent, 0}); !written)
    return std::unexpected(written.error());
  return id;
}

std::optional<hp_session> Programs::session(std::uint64_t id) const {
  return lookup<hp_session>(::bpf_map__fd(skeleton_->maps.sessions), id);
}
std::vector<std::pair<std::uint64_t, hp_session>> Programs::sessions() const {
  std::vector<std::pair<std::uint64_t, hp_session>> found;
  for (const auto id : keys_of<std::uint64_t>(::bpf_map__fd(skeleton_->maps.sessions)))
    if (const auto value = session(id)) found.emplace_back(id, *value);
  return found;
}
void Programs::remove_session(std::uint64_t id) {
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.sessions), &id);
}

Result<> Programs::put_cgroup(std::uint64_t cgroup, const hp_cgroup& value) {
  return update(::bpf_map__fd(skeleton_->maps.cgroups), cgroup, value, "a cgroup");
}
std::optional<hp_cgroup> Programs::cgroup(std::uint64_t id) const {
  return lookup<hp_cgroup>(::bpf_map__fd(skeleton_->maps.cgroups), id);
}
void Programs::know_below(std::uint64_t id, std::uint64_t above) {
  std::array<std::uint64_t, 2> given{id, above};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = given.data(), .ctx_size_in = sizeof(given));
  (void)::bpf_prog_test_run_opts(set_.run(Run::know_cgroup), &options);
}
void Programs::remove_cgroup(std::uint64_t id) {
  // By the kernel's side, which counts places.
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &id, .ctx_size_in = sizeof(id));
  if (::bpf_prog_test_run_opts(set_.run(Run::forget_cgroup), &options) == 0) return;
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.cgroups), &id);
}

std::vector<std::pair<std::uint64_t, hp_cgroup>> Programs::cgroups() const {
  std::vector<std::pair<std::uint64_t, hp_cgroup>> found;
  for (const auto id : keys_of<std::uint64_t>(::bpf_map__fd(skeleton_->maps.cgroups)))
    if (const auto value = cgroup(id)) found.emplace_back(id, *value);
  return found;
}

std::vector<std::pair<std::string, std::uint32_t>> Programs::agent_names() const {
  using Name = std::array<char, HP_AGENT_NAME>;
  std::vector<std::pair<std::string, std::uint32_t>> found;
  const int map = ::bpf_map__fd(skeleton_->maps.agent_names);
  for (const auto& name : keys_of<Name>(map))
    if (const auto id = lookup<std::uint32_t>(map, name)) found.emplace_back(std::string(name.data()), *id);
  return found;
}

Result<> Programs::run_iterator(Run which, const char* what) {
  const Fd link(::bpf_link_create(set_.run(which), 0, BPF_TRACE_ITER, nullptr));
  const Fd iterator(link ? ::bpf_iter_create(link.get()) : -1);
  if (!iterator) return fail_errno(std::string("cannot start the ") + what + " over tasks", errno);
  char nothing[64];
  while (::read(iterator.get(), nothing, sizeof(nothing)) > 0) {
  }
  return {};
}

Result<> Programs::sweep() { return run_iterator(Run::sweep, "sweep"); }

Result<> Programs::untag(std::uint64_t session) {
  std::atomic_ref(config_->untag_session).store(session);
  return run_iterator(Run::untag, "untagging");
}

bool Programs::is_tagged(int pid) const {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return true;
  hp_tag tag{};
  const int fd = process.get();
  if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.tags), &fd, &tag) == 0) return true;
  return errno != ENOENT;
}

Result<> Programs::guard_file(std::uint64_t device, std::uint64_t inode) {
  return update(::bpf_map__fd(skeleton_->maps.guarded), hp_file_id{device, inode}, std::uint32_t{1},
                "a guarded file");
}

std::vector<std::pair<std::string, std::uint64_t>> Programs::counters() const {
  static constexpr std::array<const char*, HP_COUNT_END> kNames = {
      "allowed",       "denied",     "held",       "held_again",   "released",      "granted",
      "tagged",        "tampered",   "lost_bells", "lost_events",  "full_holds",    "full_session_holds",
      "full_sessions", "no_storage", "unresolved", "rename_races", "signal_failed", "full_arguments",
      "locked_down",   "disarmed"};
  std::vector<std::pair<std::string, std::uint64_t>> found;
  found.reserve(HP_COUNT_END);
  for (std::uint32_t what = 0; what < HP_COUNT_END; ++what)
    found.emplace_back(kNames[what], counter(static_cast<hp_counter>(what)));
  return found;
}

std::uint64_t Programs::counter(hp_counter what) const {
  const int processors = ::libbpf_num_possible_cpus();
  std::vector<std::uint64_t> values(static_cast<std::size_t>(std::max(processors, 1)));
  const auto key = static_cast<std::uint32_t>(what);
  if (::bpf_map_lookup_elem(::bpf_map__fd(skeleton_->maps.counters), &key, values.data()) != 0) return 0;
  std::uint64_t sum = 0;
  for (const auto value : values) sum += value;
  return sum;
}

}  // namespace holdpoint::kernel
