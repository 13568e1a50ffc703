#pragma once

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace oko {

/// Counts how often a file is opened, by any process. Linux only.
class OpenCounter {
 public:
  explicit OpenCounter(const std::filesystem::path& path) : queue_(::inotify_init1(IN_NONBLOCK)) {
    // Watch closes, too, to separate opens: the kernel merges equal events that follow each other.
    if (::inotify_add_watch(queue_, path.c_str(), IN_OPEN | IN_CLOSE) < 0) {
      throw std::system_error(errno, std::generic_category(), path.string());
    }
  }
  ~OpenCounter() { ::close(queue_); }
  OpenCounter(const OpenCounter&) = delete;
  OpenCounter& operator=(const OpenCounter&) = delete;

  /// The count since the start.
  int opens() {
    alignas(inotify_event) std::array<char, 4096> events;
    for (ssize_t size; (size = ::read(queue_, events.data(), events.size())) > 0;) {
      inotify_event event{};
      for (ssize_t at = 0; at < size; at += static_cast<ssize_t>(sizeof(event) + event.len)) {
        std::memcpy(&event, events.data() + at, sizeof(event));
        if ((event.mask & IN_OPEN) != 0) ++opens_;
      }
    }
    return opens_;
  }

 private:
  int queue_;
  int opens_ = 0;
};

}  // namespace oko
