// SPDX-License-Identifier: Apache-2.0
// The two ring buffers behind one epoll descriptor.
#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <functional>
#include <span>

#include "holdpoint/abi.h"
#include "kernel/programs.hpp"

namespace holdpoint::kernel {

struct Programs::Rings {
  ring_buffer* buffers = nullptr;
  const std::function<void(const hp_bell&)>* on_bell = nullptr;
  const std::function<void(std::span<const std::byte>)>* on_event = nullptr;

  unsigned left = 0;  // how many more this round

  ~Rings() { ::ring_buffer__free(buffers); }
};

}  // namespace holdpoint::kernel
