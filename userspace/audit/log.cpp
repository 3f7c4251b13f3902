// SPDX-License-Identifier: Apache-2.0
#include "audit/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "audit/frame.hpp"
#include "audit/segment.hpp"

namespace holdpoint::audit {
namespace {

constexpr std::uint64_t index_step = 1024;

Result<Fd> lock_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(directory, errno);
  auto fd = open_directory(directory);
  if (!fd) return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK)
    return fail(directory + ": another process writes here",
                "stop the other holdpointd, or use another state directory");
  return fail_errno(directory, errno);
}

}  // namespace

Log::Log(std::string directory, Origin origin, Options options)
    : directory_(std::move(directory)), origin_(std::move(origin)), options_(options) {}

Result<Log> Log::open(std::string directory, Origin origin, Now now) {
  return open(std::move(directory), std::move(origin), now, Options{});
}

Result<Log> Log::open(std::string directory, Origin origin, Now now, Options options) {
  Log log(std::move(directory), std::move(origin), options);
  auto lock = lock_directory(log.directory_);
  if (!lock) return std::unexpected(lock.error());
  log.lock_ = *std::move(lock);
  if (auto found = log.find_end(now); !found) return std::unexpected(found.error());
  log.find_last_kept();
  return log;
}

std::string Log::path() const { return directory_ + "/" + segment_name(first_); }

Result<> Log::find_end(Now now) {
  auto segments = list_segments(directory_);
  if (!segments) return std::unexpected(segments.error());
  if (segments->empty()) return begin_segment();
  first_ = next_sequence_ = segments->back();
  file_ = Fd(::open(path().c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!file_) return fail_errno(path(), errno);
  struct stat status{};
  if (::fstat(file_.get(), &status) != 0) return fail_errno(path(), errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size < segment_head) {  // the crash came while the file was made
    if (::unlink(path().c_str()) != 0) return fail_errno(path(), errno);
    return begin_segment();
  }
  auto end = scan(first_);
  if (!end) return std::unexpected(end.error());
  size_ = *end;
  if (size_ == size) return {};
  if (auto done = cut_tail(size_, size); !done) return done;
  // A full disk must not keep the guard from starting: then the loss is noted with the next record that fits.
  if (auto noted = write_record(stamped(lost("torn-tail", 0, size - size_), now)); !noted)
    count_loss(noted.error().code, 1);
  return sync();
}

// Behind an empty segment: what the record before it says. What a process that was killed wrote may still be in memory only.
void Log::find_last_kept() {
  if (last_kept_ == 0 && next_sequence_ == first_ && next_sequence_ > 1) {
    auto last = read(next_sequence_ - 2, 1);
    // Damage there must not keep the guard from starting; then the store's last records may be in the log twice.
    if (last && !last->empty()) last_kept_ = last->back().kept();
  }
  if (::fdatasync(file_.get()) == 0) synced_kept_ = last_kept_;
}

// Walks the whole records of the segment; fills index_ and next_sequence_. Returns where the last of them ends.
Result<std::uint64_t> Log::scan(std::uint64_t first) {
  auto reader = Reader::open(directory_, first - 1);
  if (!reader) return std::unexpected(reader.error());
  Position good = reader->position();
  for (;;) {
    good = reader->position();
    if ((good.sequence - first) % index_step == 0) index_.push_back(good);
    const auto record = reader->next();
    if (!record && record.error().code != 0)
      return std::unexpected(record.error());  // cannot read: nothing is known
    if (!record) break;                        // damage or the end: both are the end of what is good
    const auto& found = *record;
    if (!found) break;
    last_kept_ = found->kept();
  }
  next_sequence_ = good.sequence;
  return good.offset;
}

Result<> Log::cut_tail(std::uint64_t end, std::uint64_t size) {
  auto tail = read_range(file_.get(), end, frame_head + payload_max + 1, path());
  if (!tail) return std::unexpected(tail.error());
  // An unfinished record is nobody's: its append() never returned. Anything else may be evidence.
  if (read_frame(*tail).state != Frame::State::cut)
    if (auto kept = keep_tail(end, size); !kept) return kept;
  if (::ftruncate(file_.get(), static_cast<off_t>(end)) != 0) return fail_errno(path(), errno);
  return {};
}

Result<> Log::keep_tail(std::uint64_t end, std::uint64_t size) {
  const auto name = fmt::format("{}.damaged-{}", path(), end);
  const Fd copy(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!copy) return fail_errno(name, errno);
  constexpr std::size_t step = 1U << 20;
  for (auto offset = end; offset < size; offset += step) {
    auto part = read_range(file_.get(), offset, step, path());
    if (!part) return std::unexpected(part.error());
    if (auto written = write_all(copy.get(), *part, name); !written) return written;
  }
  if (::fsync(copy.get()) != 0) return fail_errno(name, errno);
  return {};
}

// The next file. The one before is on the disk before the new one has a name, so that only the last can be torn.
Result<> Log::begin_segment() {
  if (file_ && !leave_segment_)
    if (auto synced = sync(); !synced) return synced;
  const auto name = directory_ + "/" + segment_name(next_sequence_);
  Fd file(::open(name.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno(name, errno);
  auto written = write_all(file.get(), segment_head_bytes(), name);
  if (written && (::fsync(file.get()) != 0 || ::fsync(lock_.get()) != 0)) written = fail_errno(name, errno);
  if (!written) {
    ::unlink(name.c_str());
    return written;
  }
  file_ = std::move(file);
  first_ = next_sequence_;
  size_ = segment_head;
  torn_ = leave_segment_ = false;
  index_ = {Position{first_, size_, first_}};
  return {};
}

Result<> Log::write_frame(const std::string& frame) {
  if (torn_) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0) return fail_errno(path(), errno);
    torn_ = false;
  }
  const bool full = size_ > segment_head && size_ + frame.size() > options_.segment_bytes;
  if (full || leave_segment_)
    if (auto begun = begin_segment(); !begun) return begun;
  auto written = write_all(file_.get(), frame, path());
  if (!written) {
    // Part of the frame may be there; the next record must not follow it.
    torn_ = ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0;
    return written;
  }
  return {};
}

v1::Record Log::stamped(const Entry& entry, Now now) const {
  v1::Record record = entry.record();
  record.set_boot_id(origin_.boot_id);
  record.set_host(origin_.host.text());
  record.set_wall_time_ns(now.wall.time_since_epoch().count());
  record.set_boot_time_ns(now.boot.nanoseconds);
  return record;
}

// `kept` of the record: its own number, or 0 for one that the store does not have.
Result<v1::Record> Log::write_record(v1::Record record) {
  const auto kept = std::max(record.kept(), last_kept_);
  record.set_sequence(next_sequence_);
  record.set_kept(kept);
  const auto payload = record.SerializeAsString();
  if (payload.empty() || payload.size() > payload_max)
    return fail(fmt::format("record of {} bytes, at most {}", payload.size(), payload_max));
  const auto frame = make_frame(payload);
  if (auto written = write_frame(frame); !written) return std::unexpected(written.error());
  if ((next_sequence_ - first_) % index_step == 0 && index_.back().sequence != next_sequence_)
    index_.push_back({first_, size_, next_sequence_});
  size_ += frame.size();
  ++next_sequence_;
  ++unsynced_;
  last_kept_ = kept;
  return record;
}

void Log::count_loss(int code, std::uint64_t count) {
  lost_count_ += count;
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  lost_reason_ = full ? Literal("disk-full") : Literal("write-error");
}

Result<> Log::note_loss(Now now) {
  if (lost_count_ == 0) return {};
  auto noted = write_record(stamped(lost(lost_reason_, lost_count_), now));
  if (!noted) return std::unexpected(noted.error());
  lost_count_ = 0;
  return {};
}

Result<v1::Record> Log::append(const Entry& entry, Now now, Durability durability) {
  const auto noted = note_loss(now);
  auto record = noted ? write_record(stamped(entry, now)) : std::unexpected(noted.error());
  if (!record) {
    count_loss(record.error().code, 1);
    return record;
  }
  if (durability == Durability::now)
    if (auto synced = sync(); !synced) return std::unexpected(synced.error());
  return record;
}

approval::RecordBytes Log::keep(const Entry& entry, Now now) const {
  return approval::RecordBytes(stamped(entry, now).SerializeAsString());
}

Result<std::optional<v1::Record>> Log::append_kept(const approval::KeptRecord& kept, Now now) {
  if (kept.number <= last_kept_) return std::nullopt;
  v1::Record record;
  if (!record.ParseFromString(kept.record.bytes())) {
    // Somebody changed the store. The number is used up, and the log says so.
    record = stamped(lost("unreadable-in-store", 1), now);
  }
  record.set_kept(kept.number);
  if (auto noted = note_loss(now); !noted) return std::unexpected(noted.error());
  auto written = write_record(std::move(record));
  if (!written) return std::unexpected(written.error());
  return *std::move(written);
}

Result<> Log::sync() {
  if (unsynced_ == 0) return {};
  if (::fdatasync(file_.get()) == 0) {
    unsynced_ = 0;
    synced_kept_ = last_kept_;
    return {};
  }
  // The kernel reports such an error once and then forgets the pages: a second call would claim success. So nothing more
  // goes into this file, and what may be missing from it is counted.
  const int code = errno;
  count_loss(code, unsynced_);
  lost_reason_ = "sync-error";
  unsynced_ = 0;
  leave_segment_ = true;
  return fail_errno(path(), code);
}

Result<std::vector<v1::Record>> Log::read(std::uint64_t after, std::size_t limit) const {
  std::optional<Position> near;
  const auto later = std::ranges::upper_bound(index_, after + 1, {}, &Position::sequence);
  if (later != index_.begin()) near = *std::prev(later);
  auto reader = Reader::open(directory_, after, near);
  if (!reader) return std::unexpected(reader.error());
  std::vector<v1::Record> records;
  while (records.size() < limit) {
    auto record = reader->next();
    if (!record) return std::unexpected(record.error());
    auto& found = *record;
    if (!found) break;
    records.push_back(*std::move(found));
  }
  return records;
}

}  // namespace holdpoint::audit
