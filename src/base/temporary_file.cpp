#include "base/temporary_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <memory>
#include <system_error>

#include "base/disk_sync.h"
#include "base/error.h"
#include "base/localized_text.h"
#include "base/slot_list.h"
#include "base/system_reason.h"

namespace oko {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRandomCharacters = 6;

/// True if the process that made the file is gone; then this one has locked it.
bool is_left(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid() &&
         ::flock(file, LOCK_EX | LOCK_NB) == 0;
}

/// Returns false if another process has taken the file for a leftover. Without support for locks
/// no file counts as a leftover.
bool lock(int file) {
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  struct stat info {};
  return ::fstat(file, &info) == 0 && info.st_nlink > 0;
}

void remove_leftovers(const fs::path& prefix) {
  const std::string begin = prefix.filename().string();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(
           prefix.has_parent_path() ? prefix.parent_path() : fs::path("."), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != begin.size() + kRandomCharacters || !name.starts_with(begin)) continue;
    const int file = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0) continue;
    if (is_left(file)) ::unlink(entry.path().c_str());
    ::close(file);
  }
}

}  // namespace

/// The path of an unfinished file or folder of this process, or null. The one that exchanges
/// it for null owns it: its TemporaryPath, or the function that removes it as the process ends.
struct TemporarySlot {
  std::atomic<const std::string*> path{nullptr};
};

namespace {

SlotList<TemporarySlot>& unfinished = *new SlotList<TemporarySlot>;  // never destroyed

}  // namespace

TemporaryFile::TemporaryFile(const fs::path& prefix, LocalizedText name) : name_(std::move(name)) {
  remove_leftovers(prefix);
  do {
    if (file_ >= 0) ::close(file_);
    std::string path = prefix.string() + std::string(kRandomCharacters, 'X');
    file_ = ::mkstemp(path.data());
    if (file_ < 0) fail(errno);
    path_ = path;
  } while (!lock(file_));
  ::fcntl(file_, F_SETFD, FD_CLOEXEC);
  registration_.emplace(path_);
}

TemporaryFile::~TemporaryFile() {
  if (file_ < 0) return;
  ::unlink(path_.c_str());
  ::close(file_);
}

void TemporaryFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(errno);
    }
  }
}

void TemporaryFile::keep_as(const fs::path& path) {
  ::fchmod(file_, 0644);
  // New files, too: only here a network disk or a quota tells that it has lost what was written.
  if (!sync_to_disk(file_)) fail(errno);
  if (::rename(path_.c_str(), path.c_str()) != 0) fail(errno);
  ::close(file_);
  file_ = -1;
  registration_.reset();
}

void TemporaryFile::fail(int error) const {
  const LocalizedText reason = system_reason(error);
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be written: {}", "{}: не записывается: {}", name_, reason));
}

fs::path unfinished_prefix(const fs::path& path) {
  constexpr std::size_t kLongestName = 255;  // bytes, of most file systems
  const std::string end = ".oko-";
  const std::size_t size = path.filename().string().size() + end.size() + kRandomCharacters;
  return size <= kLongestName ? fs::path(path.string() + end) : path.parent_path() / end;
}

fs::path temporary_folder() {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (!error) return folder;
  const char* set = std::getenv("TMPDIR");
  throw Error(
      ErrorCode::kFailed,
      tr("{}: is not a folder for temporary files: {}", "{}: не папка для временных файлов: {}",
         std::string(set == nullptr ? "/tmp" : set), system_reason(error)),
      tr("set TMPDIR to a folder that is there", "укажите в TMPDIR существующую папку"));
}

TemporaryPath::TemporaryPath(const fs::path& path) {
  auto owned = std::make_unique<const std::string>(path.string());
  slot_ = &unfinished.take();
  slot_->path.store(owned.release());
}

TemporaryPath::~TemporaryPath() {
  delete slot_->path.exchange(nullptr);
  unfinished.give_back(*slot_);
}

void remove_temporary_files() noexcept {
  unfinished.visit_all([](TemporarySlot& slot) {
    const std::string* const path = slot.path.exchange(nullptr);
    if (path == nullptr) return;
    try {
      std::error_code ignored;
      fs::remove_all(*path, ignored);
    } catch (const std::exception&) {  // no memory
      ::unlink(path->c_str());
    }
    delete path;
  });
}

void unlink_temporary_files() noexcept {
  unfinished.visit_all([](TemporarySlot& slot) {
    const std::string* const path = slot.path.exchange(nullptr);
    if (path != nullptr) ::unlink(path->c_str());
  });
}

}  // namespace oko
