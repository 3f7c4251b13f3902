// SPDX-License-Identifier: Apache-2.0
#include "audit/reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "audit/frame.hpp"
#include "audit/segment.hpp"

namespace holdpoint::audit {
namespace {

constexpr std::size_t read_ahead = 128 * 1024;

}  // namespace

Result<Reader> Reader::open(std::string directory, std::uint64_t after, std::optional<Position> near) {
  Reader reader(std::move(directory));
  reader.wanted_ = after + 1;
  if (near && near->sequence <= after + 1) {
    if (auto entered = reader.enter(near->segment); !entered) return std::unexpected(entered.error());
    reader.position_ = *near;
    return reader;
  }
  auto segments = list_segments(reader.directory_);
  if (!segments) return std::unexpected(segments.error());
  if (segments->empty()) return reader;
  auto following = std::ranges::upper_bound(*segments, after + 1);
  const auto start = following == segments->begin() ? *following : *std::prev(following);
  if (auto entered = reader.enter(start); !entered) return std::unexpected(entered.error());
  return reader;
}

std::string Reader::place() const {
  return fmt::format("{}/{} offset {}", directory_, segment_name(position_.segment), position_.offset);
}

Result<> Reader::enter(std::uint64_t segment) {
  const auto name = directory_ + "/" + segment_name(segment);
  Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return fail_errno(name, errno);
  auto head = read_range(file.get(), 0, segment_head, name);
  if (!head) return std::unexpected(head.error());
  if (auto checked = check_segment_head(*head, name); !checked) return checked;
  file_ = std::move(file);
  position_ = {segment, segment_head, segment};
  buffer_.clear();
  used_ = 0;
  return {};
}

// At the end of a segment. False: there is no other yet.
Result<bool> Reader::enter_following() {
  auto segments = list_segments(directory_);
  if (!segments) return std::unexpected(segments.error());
  const auto following = std::ranges::upper_bound(*segments, position_.segment);
  if (following == segments->end()) return false;
  const bool first = position_.segment == 0;  // the log was empty when we looked
  if (!first && *following != position_.sequence)
    return fail(fmt::format("{}: record {} should follow, but the next file begins with {}", place(),
                            position_.sequence, *following));
  if (auto entered = enter(*following); !entered) return std::unexpected(entered.error());
  return true;
}

// At least `size` bytes from here on in the buffer, or all that the file has.
Result<> Reader::fill(std::size_t size) {
  if (buffer_.size() - used_ >= size) return {};
  buffer_.erase(0, used_);
  used_ = 0;
  const auto have = buffer_.size();
  auto more = read_range(file_.get(), position_.offset + have, std::max(size - have, read_ahead), place());
  if (!more) return std::unexpected(more.error());
  buffer_ += *more;
  return {};
}

Result<std::optional<std::string>> Reader::next_payload() {
  for (;;) {
    if (!file_) {
      auto entered = enter_following();
      if (!entered) return std::unexpected(entered.error());
      if (!*entered) return std::nullopt;
    }
    std::size_t need = frame_head;
    Frame frame{Frame::State::cut, {}, frame_head};
    while (frame.state == Frame::State::cut) {
      if (auto filled = fill(need); !filled) return std::unexpected(filled.error());
      frame = read_frame(std::string_view(buffer_).substr(used_));
      if (frame.state == Frame::State::cut && frame.size <= need) break;
      need = frame.size;
    }
    if (frame.state == Frame::State::damaged) return fail(place() + ": damaged record");
    if (frame.state == Frame::State::whole) {
      std::string payload(frame.payload);
      used_ += frame.size;
      position_.offset += frame.size;
      return payload;
    }
    const bool between = buffer_.size() == used_;
    auto entered = enter_following();
    if (!entered) return std::unexpected(entered.error());
    if (!*entered)
      return std::nullopt;  // the writer is at it, or the end was torn and waits for the daemon's start
    if (!between) return fail(fmt::format("{}: the file before it ends within a record", place()));
  }
}

Result<std::optional<v1::Record>> Reader::next() {
  for (;;) {
    const auto payload = next_payload();
    if (!payload) return std::unexpected(payload.error());
    const auto& bytes = *payload;
    if (!bytes) return std::nullopt;
    const auto sequence = position_.sequence++;
    if (sequence < wanted_) continue;
    v1::Record record;
    if (!record.ParseFromString(*bytes))
      return fail(place() + ": the record before it is not of this format");
    if (record.sequence() != sequence)
      return fail(fmt::format("{}: record {} stands where {} belongs", place(), record.sequence(), sequence));
    return record;
  }
}

}  // namespace holdpoint::audit
