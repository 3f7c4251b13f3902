// SPDX-License-Identifier: Apache-2.0
#include "kernel/rings.hpp"

#include <cerrno>
#include <cstring>

#include "holdpoint.skel.h"

namespace holdpoint::kernel {

namespace {

// Bells and events of one round. An agent that is denied in a loop fills the ring as quickly as it is emptied; in between
// people must be answered.
constexpr unsigned kRound = 32;

// libbpf takes a negative number as the end, after this entry.
int round_over(unsigned& left) { return --left == 0 ? -EAGAIN : 0; }

}  // namespace

Result<> Programs::open_rings() {
  rings_ = std::make_unique<Rings>();
  const auto bell = [](void* context, void* data, std::size_t size) -> int {
    auto* rings = static_cast<Rings*>(context);
    hp_bell value{};
    if (size < sizeof(value) || rings->on_bell == nullptr) return 0;
    std::memcpy(&value, data, sizeof(value));
    (*rings->on_bell)(value);
    return round_over(rings->left);
  };
  const auto event = [](void* context, void* data, std::size_t size) -> int {
    auto* rings = static_cast<Rings*>(context);
    if (rings->on_event != nullptr) (*rings->on_event)({static_cast<const std::byte*>(data), size});
    return round_over(rings->left);
  };
  rings_->buffers = ::ring_buffer__new(::bpf_map__fd(skeleton_->maps.bells), bell, rings_.get(), nullptr);
  if (rings_->buffers == nullptr) return fail_errno("cannot open the ring of bells", errno);
  if (::ring_buffer__add(rings_->buffers, ::bpf_map__fd(skeleton_->maps.events), event, rings_.get()) != 0)
    return fail_errno("cannot open the ring of events", errno);
  return {};
}

int Programs::wake_descriptor() const { return ::ring_buffer__epoll_fd(rings_->buffers); }

bool Programs::drain(const std::function<void(const hp_bell&)>& on_bell,
                     const std::function<void(std::span<const std::byte>)>& on_event) {
  rings_->on_bell = &on_bell;
  rings_->on_event = &on_event;
  rings_->left = kRound;
  const int taken = ::ring_buffer__consume(rings_->buffers);
  rings_->on_bell = nullptr;
  rings_->on_event = nullptr;
  return taken == -EAGAIN;
}

}  // namespace holdpoint::kernel
