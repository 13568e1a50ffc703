#include "base/mutex.h"
#include "base/stop_token.h"
#include "tasks/folder_watch.h"

namespace oko::tasks {
namespace {

/// Tells nothing: its folders are looked at now and then.
class NoWatch : public FolderWatch {
 public:
  void add(const std::string& /*folder*/) override {}

  bool wait(std::chrono::milliseconds timeout, const StopToken& stop) override {
    const MutexLock lock(mutex_);
    changed_.wait_for(mutex_, stop, timeout, [] { return false; });
    return false;
  }

  LocalizedText shortage() const override {
    return tr("on this system oko looks for changes every half minute",
              "в этой системе oko проверяет изменения каждые полминуты");
  }

 private:
  Mutex mutex_;
  ConditionVariable changed_;
};

}  // namespace

std::unique_ptr<FolderWatch> make_folder_watch(const Matters& /*matters*/) {
  return std::make_unique<NoWatch>();
}

}  // namespace oko::tasks
