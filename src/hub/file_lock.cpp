#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/system_reason.h"

namespace oko::hub {

FileLock::FileLock(const std::filesystem::path& path, const StopToken& stop,
                   const std::function<void()>& on_wait)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  // A wait inside flock could not be stopped.
  constexpr std::chrono::milliseconds kRetry{50};
  bool waits = false;
  while (file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      const int error = errno;
      ::close(file_);
      file_ = -1;
      errno = error;
      break;
    }
    if (stop.stop_requested()) {
      ::close(file_);
      throw_cancelled();
    }
    if (!std::exchange(waits, true) && on_wait) on_wait();
    std::this_thread::sleep_for(kRetry);
  }
  if (file_ >= 0) return;
  const LocalizedText reason = system_reason(errno);
  throw Error(ErrorCode::kFailed,
              tr("{}: cannot be locked: {}", "{}: не блокируется: {}", path.string(), reason));
}

std::unique_ptr<FileLock> FileLock::try_lock(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) return nullptr;
  std::unique_ptr<FileLock> lock(new FileLock(file));
  return ::flock(file, LOCK_EX | LOCK_NB) == 0 ? std::move(lock) : nullptr;
}

FileLock::~FileLock() {
  ::close(file_);
}

}  // namespace oko::hub
