// SPDX-License-Identifier: Apache-2.0
// Loading, attaching, pinning. Map access is in maps.cpp.
#include "kernel/programs.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "base/fd.hpp"
#include "holdpoint.skel.h"
#include "kernel/layout.hpp"
#include "kernel/libbpf_log.hpp"
#include "kernel/rings.hpp"

namespace holdpoint::kernel {

namespace {

// The pinned configuration of a former start, if there is one.
std::optional<hp_config> pinned_config(const std::string& directory) {
  const Fd map(::bpf_obj_get((directory + "/maps/config").c_str()));
  if (!map) return std::nullopt;
  hp_config config{};
  const std::uint32_t zero = 0;
  if (::bpf_map_lookup_elem(map.get(), &zero, &config) != 0) return std::nullopt;
  return config;
}

// The kernel side counts these up at the same time.
void raise(__u64& counter, std::uint64_t least) {
  std::atomic_ref<__u64> value(counter);
  auto now = value.load();
  while (now < least && !value.compare_exchange_weak(now, least)) {
  }
}

// How many arguments a hook of this kernel has; 0: it has no such hook.
unsigned arguments_of(const btf* kernel, const char* hook) {
  const int id = kernel == nullptr ? -1 : ::btf__find_by_name_kind(kernel, hook, BTF_KIND_FUNC);
  const btf_type* function = id < 0 ? nullptr : ::btf__type_by_id(kernel, static_cast<unsigned>(id));
  const btf_type* prototype = function == nullptr ? nullptr : ::btf__type_by_id(kernel, function->type);
  return prototype == nullptr ? 0 : btf_vlen(prototype);
}

// Programs for hooks that not all kernels have, or not in the same form.
void choose(hp_skeleton& skeleton) {
  btf* kernel = ::btf__load_vmlinux_btf();
  const auto arguments = [&](const char* hook) { return arguments_of(kernel, hook); };
  ::bpf_program__set_autoload(skeleton.progs.hp_set_acl, arguments("bpf_lsm_inode_set_acl") > 0);
  ::bpf_program__set_autoload(skeleton.progs.hp_remove_acl, arguments("bpf_lsm_inode_remove_acl") > 0);
  ::bpf_program__set_autoload(skeleton.progs.hp_file_ioctl32, arguments("bpf_lsm_file_ioctl_compat") > 0);
  ::bpf_program__set_autoload(skeleton.progs.hp_set_times, arguments("bpf_lsm_inode_setattr") == 3);
  ::bpf_program__set_autoload(skeleton.progs.hp_set_times_old, arguments("bpf_lsm_inode_setattr") == 2);
  // Where data gets into sockets by a way of its own (sendpage, until 6.4), no hook of sockets hears of it.
  ::bpf_program__set_autoload(skeleton.progs.hp_write_socket, arguments("kernel_sendpage") > 0);
  ::btf__free(kernel);
}

// Of the BPF object that this program carries: two daemons with the same one need no new set.
std::string build_digest() {
  std::size_t size = 0;
  const void* bytes = ::hp_skeleton__elf_bytes(&size);
  std::array<unsigned char, 32> digest{};
  ::EVP_Digest(bytes, size, digest.data(), nullptr, ::EVP_sha256(), nullptr);
  return fmt::format("{:02x}", fmt::join(digest.begin(), digest.begin() + 16, ""));
}

}  // namespace

Programs::Programs() = default;

Programs::~Programs() {
  rings_.reset();
  if (config_ != nullptr) ::munmap(config_, static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  if (skeleton_ != nullptr) ::hp_skeleton__destroy(skeleton_);
}

Result<std::unique_ptr<Programs>> Programs::load(const Options& options) {
  std::unique_ptr<Programs> programs(new Programs());
  auto loaded = programs->prepare(options);
  if (loaded && !programs->adopt()) loaded = programs->load_beside();
  if (loaded) loaded = programs->configure(options);
  if (loaded) loaded = programs->open_rings();
  if (loaded) loaded = programs->attach();
  if (!loaded) return std::unexpected(loaded.error());
  return programs;
}

Result<> Programs::prepare(const Options& options) {
  directory_ = options.pin_directory;
  if (auto same = check_layout(directory_); !same) return same;
  if (auto made = make_pin_directory(directory_); !made) return made;
  if (auto marked = mark_layout(directory_); !marked) return marked;
  return make_pin_directory(directory_ + "/maps");
}

Result<> Programs::open_object() {
  if (skeleton_ != nullptr) ::hp_skeleton__destroy(skeleton_);
  skeleton_ = ::hp_skeleton__open();
  if (skeleton_ == nullptr) return fail_errno("cannot read the BPF object", errno);
  return {};
}

std::string Programs::map_pin(const bpf_map* map) const {
  return fmt::format("{}/maps/{}", directory_, ::bpf_map__name(map));
}

// The set that judges now goes on when it is of our own object: nothing is looked at, attached or detached anew.
bool Programs::adopt() {
  const auto former = pinned_config(directory_);
  if (!former || former->armed == 0) return false;
  auto set = open_set(set_directory(directory_, former->armed), build_digest());
  if (!set || !open_object()) return false;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (::bpf_map__is_internal(map)) continue;
    const Fd pinned(::bpf_obj_get(map_pin(map).c_str()));
    if (!pinned || ::bpf_map__reuse_fd(map, pinned.get()) != 0) return false;
  }
  epoch_ = former->armed;
  set_ = std::move(*set);
  return true;
}

Result<> Programs::load_beside() {
  if (const auto former = pinned_config(directory_)) epoch_ = former->armed + 1;
  const LibbpfLog log;
  if (auto opened = open_object(); !opened) return opened;
  skeleton_->rodata->epoch = epoch_;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    if (!::bpf_map__is_internal(map)) ::bpf_map__set_pin_path(map, map_pin(map).c_str());
  }
  choose(*skeleton_);
  if (const int error = ::hp_skeleton__load(skeleton_); error != 0) {
    return fail(fmt::format("the kernel refused the BPF programs: {}", log.tail()),
                "holdpoint needs root, BPF LSM (\"bpf\" in /sys/kernel/security/lsm) and BTF");
  }
  return {};
}

Result<> Programs::configure(const Options& options) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* mapped =
      ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, ::bpf_map__fd(skeleton_->maps.config), 0);
  if (mapped == MAP_FAILED) return fail_errno("cannot map the configuration", errno);
  config_ = static_cast<hp_config*>(mapped);
  if (config_->hash_key[0] == 0 &&
      ::getrandom(config_->hash_key, sizeof(config_->hash_key), 0) != sizeof(config_->hash_key))
    return fail_errno("cannot read random numbers", errno);
  raise(config_->next_session, options.next_session);
  raise(config_->next_hold, options.next_hold);
  std::atomic_ref(config_->closing).store(0U);  // an unloading that did not come to its end
  std::atomic_ref(config_->daemon_tgid).store(static_cast<std::uint32_t>(::getpid()));
  return {};
}

std::string Programs::links() const { return set_directory(directory_, epoch_); }

Result<> Programs::attach() {
  if (!set_.links.empty()) return {};  // adopted
  auto set = attach_set(links(), skeleton_->obj, build_digest());
  if (!set) return std::unexpected(set.error());
  set_ = std::move(*set);
  return {};
}

Result<> Programs::arm() {
  std::atomic_ref(config_->armed).store(epoch_);
  // For agents.slice: from here on, and until the pins are removed, an agent that starts is judged.
  if (auto made = make_pin_directory(directory_ + "/armed"); !made) return made;
  remove_sets(directory_, epoch_);
  return {};
}

}  // namespace holdpoint::kernel
