#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {

namespace {

/// False if the file was removed after it was opened, or another has its path now.
bool is_at(const std::filesystem::path& path, int file) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(file, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

bool FileLock::acquire() {
  while (true) {
    has_made_file_ = !has_entry(path_);
    file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) == 0) {
      if (is_at(path_, file_)) return true;
      ::close(std::exchange(file_, -1));  // its holder has removed it
      continue;
    }
    const int error = errno;
    const bool is_held = file_ >= 0 && (error == EWOULDBLOCK || error == EINTR);
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    if (is_held) return false;
    throw Error(ErrorCode::kFailed, tr("{}: cannot be locked: {}", "{}: не блокируется: {}",
                                       path_.string(), system_reason(error)));
  }
}

FileLock::FileLock(const std::filesystem::path& path, const StopToken& stop,
                   const std::function<void()>& on_wait)
    : path_(path) {
  // A wait inside flock could not be stopped.
  constexpr std::chrono::milliseconds kRetry{50};
  bool waits = false;
  while (!acquire()) {
    throw_if_stopped(stop);
    if (!std::exchange(waits, true) && on_wait) on_wait();
    std::this_thread::sleep_for(kRetry);
  }
}

std::unique_ptr<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return nullptr;
  std::unique_ptr<FileLock> lock(new FileLock(path, file));
  return ::flock(file, LOCK_EX | LOCK_NB) == 0 && is_at(path, file) ? std::move(lock) : nullptr;
}

std::unique_ptr<FileLock> FileLock::make_or_try(const std::filesystem::path& path) {
  std::unique_ptr<FileLock> lock(new FileLock(path, -1));
  return lock->acquire() ? std::move(lock) : nullptr;
}

void FileLock::remove() {
  ::unlink(path_.c_str());
}

FileLock::~FileLock() {
  if (file_ < 0) return;
  if (is_temporary_ && has_made_file_) remove();
  ::close(file_);
}

}  // namespace oko::hub
