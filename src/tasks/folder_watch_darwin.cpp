#include <CoreServices/CoreServices.h>
#include <dispatch/dispatch.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "tasks/folder_watch.h"

namespace oko::tasks {
namespace {

namespace fs = std::filesystem;

constexpr CFTimeInterval kLatency = 0.5;  ///< seconds, in which changes are collected

/// A folder's volume and number, which do not depend on how its path is spelt.
using Identity = std::pair<dev_t, ino_t>;

std::optional<Identity> identity_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return Identity(info.st_dev, info.st_ino);
}

/// What FSEvents have told. Its thread calls `see`.
class Changes {
 public:
  explicit Changes(Matters matters) : matters_(std::move(matters)) {}

  void add(Identity folder) {
    const MutexLock lock(mutex_);
    folders_.insert(folder);
  }

  void see(const char* path, FSEventStreamEventFlags flags) noexcept {
    constexpr FSEventStreamEventFlags kMoved = kFSEventStreamEventFlagRootChanged |
                                               kFSEventStreamEventFlagMount |
                                               kFSEventStreamEventFlagUnmount;
    const bool has_moved = (flags & kMoved) != 0;
    if (!has_moved && !counts(path, flags)) return;
    const MutexLock lock(mutex_);
    has_changed_ = true;
    has_moved_ |= has_moved;
    changed_.notify_all();
  }

  /// True if a path may lead to another folder now than when its stream began.
  bool take_moved() {
    const MutexLock lock(mutex_);
    return std::exchange(has_moved_, false);
  }

  bool wait(std::chrono::milliseconds timeout, const StopToken& stop) {
    const MutexLock lock(mutex_);
    changed_.wait_for(mutex_, stop, timeout, [this]() OKO_UNCHECKED { return has_changed_; });
    return std::exchange(has_changed_, false);
  }

 private:
  bool counts(const char* path, FSEventStreamEventFlags flags) noexcept {
    constexpr FSEventStreamEventFlags kLost =
        kFSEventStreamEventFlagMustScanSubDirs | kFSEventStreamEventFlagUserDropped |
        kFSEventStreamEventFlagKernelDropped | kFSEventStreamEventFlagEventIdsWrapped;
    if ((flags & kLost) != 0) return true;
    if ((flags & kFSEventStreamEventFlagHistoryDone) != 0) return false;
    try {
      return is_in_folders(path);
    } catch (const std::exception&) {
      return true;
    }
  }

  /// A stream tells of all below its folder, also of what the walk leaves out.
  bool is_in_folders(const fs::path& path) {
    const auto own = identity_of(path), above = identity_of(path.parent_path());
    const bool matters = matters_(path.string());
    const MutexLock lock(mutex_);
    if (own && folders_.contains(*own)) return true;
    return matters && (!above || folders_.contains(*above));  // a folder that went: unknown
  }

  Matters matters_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::set<Identity> folders_ OKO_GUARDED_BY(mutex_);
  bool has_changed_ OKO_GUARDED_BY(mutex_) = false;
  bool has_moved_ OKO_GUARDED_BY(mutex_) = false;
};

struct ReleaseObject {
  void operator()(const void* object) const { CFRelease(object); }
};
template <typename Reference>
using Owned = std::unique_ptr<std::remove_pointer_t<Reference>, ReleaseObject>;

struct EndStream {
  void operator()(FSEventStreamRef stream) const {
    FSEventStreamStop(stream);
    FSEventStreamInvalidate(stream);
    FSEventStreamRelease(stream);
  }
};
using Stream = std::unique_ptr<std::remove_pointer_t<FSEventStreamRef>, EndStream>;

void on_events(ConstFSEventStreamRef /*stream*/, void* changes, std::size_t count, void* paths,
               const FSEventStreamEventFlags* flags, const FSEventStreamEventId* /*numbers*/) {
  for (std::size_t i = 0; i < count; ++i) {
    static_cast<Changes*>(changes)->see(static_cast<const char* const*>(paths)[i], flags[i]);
  }
}

/// Tells `changes` of all in a folder and below it from now on. Null if the system does not.
Stream start_stream(const fs::path& folder, dispatch_queue_t queue, Changes& changes) {
  const Owned<CFStringRef> path(
      CFStringCreateWithCString(nullptr, folder.c_str(), kCFStringEncodingUTF8));
  if (path == nullptr) return nullptr;
  const void* values[] = {path.get()};
  const Owned<CFArrayRef> paths(CFArrayCreate(nullptr, values, 1, &kCFTypeArrayCallBacks));
  if (paths == nullptr) return nullptr;
  FSEventStreamContext context{0, &changes, nullptr, nullptr, nullptr};
  // A number instead of "since now": what happens until the stream has started is told, too.
  FSEventStreamRef stream = FSEventStreamCreate(
      nullptr, on_events, &context, paths.get(), FSEventsGetCurrentEventId(), kLatency,
      kFSEventStreamCreateFlagFileEvents | kFSEventStreamCreateFlagNoDefer |
          kFSEventStreamCreateFlagWatchRoot);
  if (stream == nullptr) return nullptr;
  FSEventStreamSetDispatchQueue(stream, queue);
  if (FSEventStreamStart(stream)) return Stream(stream);
  FSEventStreamInvalidate(stream);
  FSEventStreamRelease(stream);
  return nullptr;
}

/// FSEvents: a stream for each folder that is not below another.
class FsEvents : public FolderWatch {
 public:
  explicit FsEvents(const Matters& matters) : changes_(matters) {}
  ~FsEvents() override {
    trees_.clear();
    dispatch_sync_f(queue_, nullptr, [](void*) {});  // a call of `on_events` may be under way
    dispatch_release(queue_);
  }
  FsEvents(const FsEvents&) = delete;
  FsEvents& operator=(const FsEvents&) = delete;

  void add(const std::string& folder) override {
    // Another pass follows, since this counts as a change: it adds all folders again.
    if (changes_.take_moved()) trees_.clear();
    std::error_code error;
    const fs::path real = fs::canonical(folder, error);
    const std::optional<Identity> identity = identity_of(real);
    struct statfs volume {};
    if (error || !identity || ::statfs(real.c_str(), &volume) != 0) return;  // the walk tells
    changes_.add(*identity);
    if ((volume.f_flags & MNT_LOCAL) == 0) is_short_ = true;  // what other computers do there
    if (is_told(real, identity->first)) return;
    Stream stream = start_stream(real, queue_, changes_);
    if (stream != nullptr) {
      trees_.push_back({real, identity->first, std::move(stream)});
    } else {
      is_short_ = true;
    }
  }

  bool wait(std::chrono::milliseconds timeout, const StopToken& stop) override {
    return changes_.wait(timeout, stop);
  }

  LocalizedText shortage() const override {
    if (!is_short_) return {};
    return tr("this system does not tell of all changes, so oko also looks every half minute",
              "система сообщает не обо всех изменениях, поэтому oko ещё и проверяет их каждые "
              "полминуты");
  }

 private:
  struct Tree {
    fs::path top;
    dev_t volume;
    Stream stream;
  };

  bool is_told(const fs::path& folder, dev_t volume) const {
    return std::any_of(trees_.begin(), trees_.end(), [&](const Tree& tree) {
      const auto [above, below] =
          std::mismatch(tree.top.begin(), tree.top.end(), folder.begin(), folder.end());
      return tree.volume == volume && above == tree.top.end();
    });
  }

  Changes changes_;
  dispatch_queue_t queue_ = dispatch_queue_create("oko.folder_watch", DISPATCH_QUEUE_SERIAL);
  std::vector<Tree> trees_;
  bool is_short_ = false;
};

}  // namespace

std::unique_ptr<FolderWatch> make_folder_watch(const Matters& matters) {
  return std::make_unique<FsEvents>(matters);
}

}  // namespace oko::tasks
