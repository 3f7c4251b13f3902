// SPDX-License-Identifier: Apache-2.0
#include "kernel/pinned_set.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "kernel/layout.hpp"
#include "kernel/libbpf_log.hpp"

namespace holdpoint::kernel {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBuildMark = "build-";  // the object's digest and the number of links

std::string build_mark(const std::string& directory, const std::string& build, std::size_t links) {
  return fmt::format("{}/{}{}-{}", directory, kBuildMark, build, links);
}

bool is_run(std::string_view name) {
  return std::ranges::any_of(kRunNames, [&](const char* run) { return name == run; });
}

Result<> attach_one(const std::string& directory, bpf_program* program, PinnedSet& set) {
  const std::string name = ::bpf_program__name(program);
  const LibbpfLog log;
  bpf_link* link = ::bpf_program__attach(program);
  if (link == nullptr) return fail_errno(fmt::format("cannot attach {}: {}", name, log.tail()), errno);
  set.links.emplace_back(link);
  if (::bpf_link__pin(link, fmt::format("{}/{}", directory, name).c_str()) != 0)
    return fail_errno(fmt::format("cannot pin {}", name), errno);
  return {};
}

bool open_runs(const std::string& marked, PinnedSet& set) {
  for (std::size_t at = 0; at < kRunNames.size(); ++at) {
    set.runs.at(at) = Fd(::bpf_obj_get(fmt::format("{}/{}", marked, kRunNames.at(at)).c_str()));
    if (!set.runs.at(at)) return false;
  }
  return true;
}

// Last, when every link is there: a set without its mark is not whole.
Result<> mark_set(const std::string& marked, bpf_object* object) {
  if (auto made = make_pin_directory(marked); !made) return made;
  for (const char* name : kRunNames) {
    bpf_program* program = ::bpf_object__find_program_by_name(object, name);
    if (program == nullptr || ::bpf_program__pin(program, fmt::format("{}/{}", marked, name).c_str()) != 0)
      return fail_errno(fmt::format("cannot pin {}", name), errno);
  }
  return {};
}

}  // namespace

void CloseLink::operator()(bpf_link* link) const { ::bpf_link__destroy(link); }

std::string set_directory(const std::string& pins, std::uint32_t epoch) {
  return fmt::format("{}/links-{}", pins, epoch);
}

Result<PinnedSet> attach_set(const std::string& directory, bpf_object* object, const std::string& build) {
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  if (auto made = make_pin_directory(directory); !made) return std::unexpected(made.error());
  PinnedSet set;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!::bpf_program__autoload(program) || is_run(::bpf_program__name(program))) continue;
    if (auto attached = attach_one(directory, program, set); !attached)
      return std::unexpected(attached.error());
  }
  const auto marked = build_mark(directory, build, set.links.size());
  if (auto done = mark_set(marked, object); !done) return std::unexpected(done.error());
  if (!open_runs(marked, set)) return std::unexpected(fail_errno("cannot open " + marked, errno).error());
  return set;
}

std::optional<PinnedSet> open_set(const std::string& directory, const std::string& build) {
  PinnedSet set;
  std::error_code error;
  for (auto entry = fs::directory_iterator(directory, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with(kBuildMark)) continue;
    bpf_link* link = ::bpf_link__open(entry->path().c_str());
    if (link == nullptr) return std::nullopt;
    set.links.emplace_back(link);
  }
  // The number is in the name: where somebody took a pin away, this set is not whole, and a new one heals it.
  if (error || !open_runs(build_mark(directory, build, set.links.size()), set)) return std::nullopt;
  return set;
}

void remove_sets(const std::string& pins, std::uint32_t keep) {
  std::error_code ignored;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(pins, ignored))
    if (entry.path().filename().string().starts_with("links-") && entry.path() != set_directory(pins, keep))
      others.push_back(entry.path());
  for (const auto& other : others) fs::remove_all(other, ignored);
}

}  // namespace holdpoint::kernel
