#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/system_reason.h"
#include "tasks/folder_watch.h"

namespace oko::tasks {
namespace {

constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE |
                                   IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

/// RAII: a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

[[noreturn]] void fail(int error) {
  throw Error(
      ErrorCode::kFailed,
      tr("folders cannot be watched: {}", "нельзя следить за папками: {}", system_reason(error)),
      error == EMFILE ? tr("sysctl fs.inotify.max_user_instances limits the programs that "
                           "watch",
                           "sysctl fs.inotify.max_user_instances ограничивает число "
                           "следящих программ")
                      : LocalizedText());
}

/// inotify(7): a watch for each folder.
class Inotify : public FolderWatch {
 public:
  explicit Inotify(Matters matters)
      : matters_(std::move(matters)),
        events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        wake_(events_.number() < 0 ? -1 : ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (events_.number() < 0 || wake_.number() < 0) fail(errno);
  }

  void add(const std::string& folder) override {
    const int watch = ::inotify_add_watch(events_.number(), folder.c_str(),
                                          kChanges | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (watch >= 0) {
      folders_[watch] = folder;
    } else if (errno == ENOSPC) {
      is_short_ = true;
    } else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) {
      fail(errno);  // else the walk tells
    }
  }

  bool wait(std::chrono::milliseconds timeout, const StopToken& stop) override {
    const StopCallback on_stop(stop, [this] {
      const std::uint64_t one = 1;
      while (::write(wake_.number(), &one, sizeof(one)) < 0 && errno == EINTR) {
      }
    });
    pollfd waited[2] = {{events_.number(), POLLIN, 0}, {wake_.number(), POLLIN, 0}};
    const auto until = std::chrono::steady_clock::now() + timeout;
    while (!stop.stop_requested()) {
      if (drain()) return true;
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0) break;
      const auto most = std::numeric_limits<int>::max();
      ::poll(waited, 2, static_cast<int>(std::min<std::int64_t>(left.count(), most)));
    }
    return false;
  }

  LocalizedText shortage() const override {
    if (!is_short_) return {};
    return tr(
        "there are more folders than may be watched, so oko also looks every half minute; "
        "sysctl fs.inotify.max_user_watches raises the limit",
        "папок больше, чем можно отслеживать, поэтому oko ещё и проверяет их каждые "
        "полминуты; предел повышает sysctl fs.inotify.max_user_watches");
  }

 private:
  /// Reads all events. Returns true if one matters.
  bool drain() {
    alignas(inotify_event) char buffer[16 * 1024];
    bool has_changed = false;
    for (;;) {
      const ssize_t size = ::read(events_.number(), buffer, sizeof(buffer));
      if (size <= 0 && errno == EINTR && size < 0) continue;
      if (size <= 0) return has_changed;
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer + at, sizeof(event));
        const char* name = buffer + at + sizeof(event);
        has_changed |= see(event, event.len > 0 ? std::string(name) : std::string());
        at += static_cast<ssize_t>(sizeof(event) + event.len);
      }
    }
  }

  bool see(const inotify_event& event, const std::string& name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return true;  // events are lost: all may have changed
    const auto folder = folders_.find(event.wd);
    if (folder == folders_.end()) return false;
    const std::filesystem::path path = std::filesystem::path(folder->second) / name;
    if ((event.mask & IN_IGNORED) != 0) {
      folders_.erase(folder);
      return false;
    }
    if ((event.mask & IN_MOVE_SELF) != 0) {
      ::inotify_rm_watch(events_.number(), event.wd);  // the next walk finds its new place
    }
    return name.empty() || matters_(path.string());
  }

  Matters matters_;
  Descriptor events_;
  Descriptor wake_;                     ///< a stop wakes `wait`
  std::map<int, std::string> folders_;  ///< by number of their watch
  bool is_short_ = false;
};

}  // namespace

std::unique_ptr<FolderWatch> make_folder_watch(const Matters& matters) {
  return std::make_unique<Inotify>(matters);
}

}  // namespace oko::tasks
