// SPDX-License-Identifier: Apache-2.0
// The BPF programs and maps: loading, pinning, attaching, and every read and write of a map. The only user of libbpf.
//
// Everything is pinned below one directory of a bpffs, so rules and holds outlive the daemon. A start goes on with the pinned set
// of programs when it is of its own BPF object. Else, at an upgrade, it loads a set beside that one on the same maps and flips
// between them with one write (hp_config.armed).
// Owner: the daemon. Thread: the daemon's loop.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "event/access.hpp"
#include "holdpoint/abi.h"
#include "kernel/pinned_set.hpp"

struct bpf_map;
struct hp_skeleton;
struct ring_buffer;

namespace holdpoint::kernel {

class Programs {
 public:
  struct Options {
    std::string pin_directory = "/sys/fs/bpf/holdpoint";
    std::uint64_t next_session = 1;  // above every id ever stored
    std::uint64_t next_hold = 1;
  };

  // Takes over the pinned set, which goes on judging, or loads and attaches a new one, which does not yet. Errors say what the kernel lacks or which program it refused.
  [[nodiscard]] static Result<std::unique_ptr<Programs>> load(const Options& options);
  ~Programs();
  Programs(const Programs&) = delete;
  Programs& operator=(const Programs&) = delete;

  // From now on this set judges, and the former one is detached.
  [[nodiscard]] Result<> arm();
  // Where the links of this set are pinned.
  [[nodiscard]] std::string links() const;
  // Publishing: the swap of one inner map.
  [[nodiscard]] Result<> publish(std::uint32_t agent, const hp_policy& image);
  [[nodiscard]] Result<> withdraw(std::uint32_t agent);
  [[nodiscard]] Result<> publish_cgroups(const hp_policy& image);
  // The highest of what is published, also by a former daemon. 0: nothing is.
  [[nodiscard]] std::uint32_t generation() const;
  [[nodiscard]] Result<> name_agents(const std::vector<std::string>& names);  // index = agent id
  // Which variables of the environment are part of an exec. Those that are known already are not written again.
  [[nodiscard]] Result<> name_variables(const std::vector<std::string>& names);

  // Descriptor that becomes readable when a bell or an event is there.
  [[nodiscard]] int wake_descriptor() const;
  // Takes what is in both rings, up to a bound. Callbacks run before this returns. True: there is more.
  [[nodiscard]] bool drain(const std::function<void(const hp_bell&)>& on_bell,
                           const std::function<void(std::span<const std::byte>)>& on_event);

  [[nodiscard]] std::optional<event::Access> hold(std::uint64_t id) const;
  [[nodiscard]] std::vector<std::uint64_t> holds() const;
  [[nodiscard]] Result<> answer(std::uint64_t hold, const std::array<std::uint64_t, 2>& digest, bool allow,
                                BootTime not_after);
  // The hold is over: an answer that came too late would stay in the map for ever.
  void remove_answer(std::uint64_t hold);
  // A refused access left its entry for us to file; see hold.h.
  void remove_refused(std::uint64_t hold);

  [[nodiscard]] Result<> put_grant(const hp_grant_key& key, const hp_grant& grant);
  void remove_grant(const hp_grant_key& key);
  [[nodiscard]] std::vector<hp_grant_key> grants() const;
  // What the exec of `hold` may read, before it is released. What is there already stays.
  [[nodiscard]] Result<> bind(std::uint64_t hold, const hp_bound& content);
  void unbind(std::uint64_t hold);
  void unbind_session(std::uint64_t session);
  // Hash of a file name as the kernel makes it.
  [[nodiscard]] std::array<std::uint64_t, 2> name_hash(const std::string& name) const;
  // The kernel's own numbers of every file that this process has open.
  [[nodiscard]] std::vector<hp_file_state> open_files() const;
  // Uses left of a grant; nullopt when it is not there.
  [[nodiscard]] std::optional<std::uint64_t> grant_uses(const hp_grant_key& key) const;

  // A new session of `agent` with `cgroup` as its top. Returns its id.
  [[nodiscard]] Result<std::uint64_t> open_session(std::uint32_t agent, std::uint64_t cgroup,
                                                   std::uint32_t owner_uid, std::uint32_t login_uid,
                                                   BootTime now);
  [[nodiscard]] std::optional<hp_session> session(std::uint64_t id) const;
  [[nodiscard]] std::vector<std::pair<std::uint64_t, hp_session>> sessions() const;
  void remove_session(std::uint64_t id);
  [[nodiscard]] Result<> put_cgroup(std::uint64_t cgroup, const hp_cgroup& value);
  [[nodiscard]] std::optional<hp_cgroup> cgroup(std::uint64_t id) const;
  // A cgroup below another one that is known. Where there is no room it is found by those above it.
  void know_below(std::uint64_t id, std::uint64_t above);
  void remove_cgroup(std::uint64_t id);
  [[nodiscard]] std::vector<std::pair<std::uint64_t, hp_cgroup>> cgroups() const;
  // Agent names as a former daemon published them.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint32_t>> agent_names() const;
  // Tags every thread that is in an agent's cgroup now. Blocks for one pass over all tasks.
  [[nodiscard]] Result<> sweep();
  // Takes the tags of all tasks of a session away. Its cgroups must have been removed from the map before.
  [[nodiscard]] Result<> untag(std::uint64_t session);
  // Whether the process's main thread carries a tag. A process that is gone counts as tagged: the answer is used to refuse.
  [[nodiscard]] bool is_tagged(int pid) const;

  // No tagged process talks to this file (a socket).
  [[nodiscard]] Result<> guard_file(std::uint64_t device, std::uint64_t inode);
  [[nodiscard]] std::uint64_t counter(hp_counter what) const;  // sum over processors
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> counters() const;

 private:
  struct Rings;
  Programs();
  [[nodiscard]] Result<> prepare(const Options& options);
  [[nodiscard]] Result<> open_object();
  [[nodiscard]] std::string map_pin(const bpf_map* map) const;
  [[nodiscard]] bool adopt();
  [[nodiscard]] Result<> load_beside();
  [[nodiscard]] Result<> attach();
  [[nodiscard]] Result<> configure(const Options& options);
  [[nodiscard]] Result<> open_rings();
  [[nodiscard]] Result<> run_iterator(Run which, const char* what);
  [[nodiscard]] Result<> swap_policy(std::uint32_t slot, const hp_policy& image);

  std::string directory_;
  std::uint32_t epoch_ = 1;
  ::hp_skeleton* skeleton_ = nullptr;
  hp_config* config_ = nullptr;  // mapped
  std::unique_ptr<Rings> rings_;
  // The pins keep it over restarts; this keeps it while the daemon lives, should somebody take the pins away.
  PinnedSet set_;
};

}  // namespace holdpoint::kernel
