// SPDX-License-Identifier: Apache-2.0
// Map `bound`, and what the kernel knows of open files.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"
#include "holdpoint.skel.h"
#include "holdpoint/siphash.h"
#include "kernel/programs.hpp"

namespace holdpoint::kernel {

Result<> Programs::bind(std::uint64_t hold, const hp_bound& content) {
  if (::bpf_map_update_elem(::bpf_map__fd(skeleton_->maps.bound), &hold, &content, BPF_NOEXIST) == 0 ||
      errno == EEXIST)
    return {};
  return fail_errno("cannot bind the content that was approved", errno);
}

void Programs::unbind(std::uint64_t hold) {
  ::bpf_map_delete_elem(::bpf_map__fd(skeleton_->maps.bound), &hold);
}

void Programs::unbind_session(std::uint64_t session) {
  const int map = ::bpf_map__fd(skeleton_->maps.bound);
  std::vector<std::uint64_t> holds;
  std::uint64_t key = 0;
  for (int found = ::bpf_map_get_next_key(map, nullptr, &key); found == 0 && holds.size() < HP_MAX_HOLDS;
       found = ::bpf_map_get_next_key(map, &holds.back(), &key)) {
    holds.push_back(key);
  }
  for (const auto hold : holds) {
    hp_bound content{};
    if (::bpf_map_lookup_elem(map, &hold, &content) == 0 && content.session == session) unbind(hold);
  }
}

std::array<std::uint64_t, 2> Programs::name_hash(const std::string& name) const {
  if (name.empty()) return {0, 0};
  siphash state{};
  ::siphash_start(&state, config_->hash_key);
  for (std::size_t at = 0; at < name.size(); at += 8) {
    __u64 word = 0;
    std::memcpy(&word, name.data() + at, std::min<std::size_t>(8, name.size() - at));
    ::siphash_word(&state, word);
  }
  std::array<__u64, 2> out{};
  ::siphash_end(&state, name.size(), out.data());
  return {out[0], out[1]};
}

std::vector<hp_file_state> Programs::open_files() const {
  bpf_iter_link_info which{};
  which.task.tid = static_cast<__u32>(::getpid());
  LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &which, .iter_info_len = sizeof(which));
  const Fd link(::bpf_link_create(set_.run(Run::files), 0, BPF_TRACE_ITER, &options));
  const Fd iterator(link ? ::bpf_iter_create(link.get()) : -1);
  std::vector<hp_file_state> states;
  std::array<hp_file_state, 64> some{};
  for (ssize_t got = 0; iterator && (got = ::read(iterator.get(), some.data(), sizeof(some))) > 0;)
    states.insert(states.end(), some.begin(),
                  some.begin() + got / static_cast<ssize_t>(sizeof(hp_file_state)));
  return states;
}

}  // namespace holdpoint::kernel
