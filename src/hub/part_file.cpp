#include "hub/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/disk_sync.h"
#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRecordBytes = 1'000'000;  // between lines of the journal
constexpr std::uint64_t kMaxJournal = 64'000'000;
constexpr std::uint64_t kNumberBytes = 8;  // of a header of weights

/// Writes all of `text`; returns false with errno.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

PartFile::PartFile(fs::path path, std::uint64_t size, std::string identity, bool is_weights)
    : path_(std::move(path)),
      part_(path_.string() + ".part"),
      journal_(part_.string() + ".journal"),
      size_(size),
      identity_(std::move(identity)),
      is_weights_(is_weights && size >= kNumberBytes) {
  if (!is_weights_) {
    const MutexLock lock(mutex_);
    padding_ = Padding();
  }
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  if (error) fail(path_.parent_path(), error.value());
  read_journal();
  open();
}

PartFile::~PartFile() {
  try {
    const MutexLock lock(mutex_);
    if (journal_file_ >= 0) flush_journal();
  } catch (const Error&) {
    ::close(journal_file_);  // the bytes are fetched again
    journal_file_ = -1;
  }
  if (file_ >= 0) ::close(file_);
  if (journal_file_ >= 0) ::close(journal_file_);
}

void PartFile::open() {
  file_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (file_ < 0) fail(part_, errno);
  struct stat info {};
  const MutexLock lock(mutex_);
  // A part that is shorter than its journal says lost bytes with the power.
  const auto ranges = written_.ranges();
  if (::fstat(file_, &info) != 0) fail(part_, errno);
  const std::uint64_t padding = padding_ ? padding_->count : 0;
  if (!ranges.empty() && static_cast<std::uint64_t>(info.st_size) < ranges.back().end + padding) {
    written_ = {};
    if (is_weights_) padding_.reset();
  }
  start_journal();
}

/// Reads the ranges of an earlier process. A line that was cut off, and all behind a wrong one, is
/// ignored.
void PartFile::read_journal() {
  std::string text;
  try {
    text = read_file(journal_, kMaxJournal, ErrorCode::kFailed);
  } catch (const Error&) {
    return;
  }
  text.erase(text.rfind('\n') == text.npos ? 0 : text.rfind('\n'));
  std::istringstream lines(text);
  std::string line;
  const MutexLock lock(mutex_);
  if (!std::getline(lines, line) || line != first_line()) return;
  Padding padding;
  if (!(lines >> padding.at >> padding.count)) return;
  std::uint64_t begin = 0, end = 0;
  while (lines >> begin >> end && begin < end && end <= size_) written_.add({begin, end});
  // The header is recorded together with its padding.
  if (is_weights_ && written_.end_from(0) >= std::max(padding.at, kNumberBytes)) {
    padding_ = padding;
  } else if (is_weights_) {
    written_ = {};
  }
}

std::string PartFile::first_line() const {
  return fmt::format("oko {} {} {}", is_weights_ ? "weights 1" : "2", size_, identity_);
}

/// Writes the journal anew, in few lines, and goes on with it.
void PartFile::start_journal() {
  const Padding padding = padding_.value_or(Padding());
  std::string text = fmt::format("{}\n{} {}\n", first_line(), padding.at, padding.count);
  for (const net::ByteRange& range : written_.ranges()) {
    text += fmt::format("{} {}\n", range.begin, range.end);
  }
  write_file_atomically(journal_, text);
  if (journal_file_ >= 0) ::close(journal_file_);
  journal_file_ = ::open(journal_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (journal_file_ < 0) fail(journal_, errno);
  unrecorded_ = {};
}

void PartFile::flush_journal() {
  std::string text;
  for (const net::ByteRange& range : unrecorded_.ranges()) {
    text += fmt::format("{} {}\n", range.begin, range.end);
  }
  unrecorded_ = {};
  if (!write_all(journal_file_, text)) fail(journal_, errno);
}

std::uint64_t PartFile::written_bytes() const {
  const MutexLock lock(mutex_);
  return written_.total();
}

PartFile::Ready PartFile::ready() const {
  const MutexLock lock(mutex_);
  return {written_.end_from(0), clears_, padding_.value_or(Padding())};
}

bool PartFile::needs_header() const {
  const MutexLock lock(mutex_);
  return !padding_;
}

void PartFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (needs_header()) return take_header(offset, bytes);
  const net::ByteRange range{offset, offset + bytes.size()};
  write_at(offset + ready().padding.count, bytes);
  const MutexLock lock(mutex_);
  written_.add(range);
  unrecorded_.add(range);
  if (unrecorded_.total() >= kRecordBytes) flush_journal();
}

/// Collects the header, which is written when all of it is there, with the bytes behind it.
void PartFile::take_header(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (offset != header_.size()) return;  // they are claimed once more
  header_.insert(header_.end(), bytes.begin(), bytes.end());
  if (header_.size() < kNumberBytes) return;
  const std::optional<std::uint64_t> end = header_end(header_, size_);
  if (end && header_.size() < *end) return;
  const std::vector<std::byte> all = std::exchange(header_, {});
  if (!end) {
    set_padding({});
    return write(0, all);
  }
  const std::span header = std::span(all).first(*end);
  const Padding padding = padding_of(header, size_);
  const std::string stored = padded(header, padding);
  write_at(0, std::as_bytes(std::span(stored)));
  {
    const MutexLock lock(mutex_);
    written_.add({0, padding.at});
  }
  set_padding(padding);
  if (const auto rest = std::span(all).subspan(*end); !rest.empty()) write(*end, rest);
}

/// Records what is written with it.
void PartFile::set_padding(const Padding& padding) {
  const MutexLock lock(mutex_);
  padding_ = padding;
  start_journal();
}

void PartFile::write_at(std::uint64_t place, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (written < 0 && errno != EINTR) fail(part_, errno);
    if (written <= 0) continue;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    place += static_cast<std::uint64_t>(written);
  }
}

bool PartFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  const Padding padding = ready().padding;
  if (padding.count == 0 || offset >= padding.at) return read_at(offset + padding.count, bytes);
  const std::size_t before = std::min<std::uint64_t>(bytes.size(), padding.at - offset);
  if (!read_at(offset, bytes.first(before))) return false;
  unpad_length(bytes.first(before), offset, padding);
  return read_at(padding.at + padding.count, bytes.subspan(before));
}

bool PartFile::read_stored_header(std::string& header) const {
  const Padding padding = ready().padding;
  header.resize(padding.at + padding.count);
  return read_at(0, std::as_writable_bytes(std::span(header)));
}

bool PartFile::read_at(std::uint64_t place, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_read(errno);
    if (got == 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    place += static_cast<std::uint64_t>(got);
  }
  return true;
}

void PartFile::start_writing_back(net::ByteRange range) const {
  oko::start_writing_back(file_, range.begin, range.size() + ready().padding.count);
}

std::optional<net::ByteRange> PartFile::claim(std::uint64_t most) {
  const MutexLock lock(mutex_);
  net::ByteRanges taken = written_;
  taken.add({0, header_.size()});
  for (const net::ByteRange& claimed : claims_) taken.add(claimed);
  const std::optional<net::ByteRange> gap = taken.first_gap(size_, most);
  if (gap) claims_.push_back(*gap);
  return gap;
}

void PartFile::release(net::ByteRange claimed) {
  const auto found = std::find(claims_.begin(), claims_.end(), claimed);
  if (found != claims_.end()) claims_.erase(found);
}

void PartFile::clear() {
  const MutexLock lock(mutex_);
  written_ = {};
  header_.clear();
  if (is_weights_) padding_.reset();
  ++clears_;
  if (::ftruncate(file_, 0) != 0) fail(part_, errno);
  start_journal();
}

void PartFile::keep() {
  ::fchmod(file_, 0644);
  if (!sync_to_disk(file_)) fail(part_, errno);
  if (::rename(part_.c_str(), path_.c_str()) != 0) fail(path_, errno);
  std::error_code ignored;
  fs::remove(journal_, ignored);
  ::close(journal_file_);
  journal_file_ = -1;
}

void PartFile::fail_read(int error) const {
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be read: {}", "{}: не читается: {}", part_.string(), reason));
}

void PartFile::fail(const fs::path& path, int error) const {
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be written: {}", "{}: не записывается: {}", path.string(), reason),
              error == ENOSPC || error == EDQUOT
                  ? tr("free some space on the disk, then run the same command again: it goes on "
                       "where it stopped",
                       "освободите место на диске и повторите ту же команду: она продолжит с того "
                       "же места")
                  : LocalizedText());
}

}  // namespace oko::hub
