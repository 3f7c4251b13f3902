// SPDX-License-Identifier: Apache-2.0
// A set of programs as its pins show it: one directory with a link for each hook, and in it a mark that names the BPF object
// and holds the programs that the daemon runs by hand. A daemon of the same object goes on with the set that is there.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

struct bpf_link;
struct bpf_object;

namespace holdpoint::kernel {

// Programs without a hook: each is run by the daemon when it needs it.
enum class Run : std::uint8_t { sweep, untag, files, filed, know_cgroup, forget_cgroup };
inline constexpr std::array<const char*, 6> kRunNames{"hp_sweep", "hp_untag",       "hp_files",
                                                      "hp_filed", "hp_know_cgroup", "hp_forget_cgroup"};

// Closes the descriptor; what is pinned stays attached.
struct CloseLink {
  void operator()(bpf_link* link) const;
};

struct PinnedSet {
  std::vector<std::unique_ptr<bpf_link, CloseLink>> links;
  std::array<Fd, kRunNames.size()> runs;

  [[nodiscard]] int run(Run which) const { return runs.at(static_cast<std::size_t>(which)).get(); }
};

// Where the set of `epoch` is pinned.
[[nodiscard]] std::string set_directory(const std::string& pins, std::uint32_t epoch);
// Attaches and pins every loaded program of `object`. A set that a dead start left there is replaced.
[[nodiscard]] Result<PinnedSet> attach_set(const std::string& directory, bpf_object* object,
                                           const std::string& build);
// The set that is pinned there, when it is whole and of this build. nullopt: it is not.
[[nodiscard]] std::optional<PinnedSet> open_set(const std::string& directory, const std::string& build);
// Takes all sets away but one.
void remove_sets(const std::string& pins, std::uint32_t keep);

}  // namespace holdpoint::kernel
