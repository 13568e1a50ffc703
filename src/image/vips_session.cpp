#include "image/vips_session.h"

#include <atomic>
#include <string_view>

#include "base/error.h"
#include "base/localized_text.h"
#include "base/mutex.h"

namespace oko::image {
namespace {

/// libvips has one buffer of errors and one log for the whole process.
std::shared_mutex working;

std::atomic<int> warned_jpeg_count = 0;
Mutex log_lock;  // libvips logs from threads of its own
std::string log_text OKO_GUARDED_BY(log_lock);

void keep_log(const char*, GLogLevelFlags level, const char* message, void*) {
  constexpr std::size_t kMost = 10'000;
  if ((level & G_LOG_LEVEL_WARNING) == 0 || message == nullptr) return;
  const std::string_view words = message;
  if (words.starts_with("read gave")) ++warned_jpeg_count;
  const MutexLock lock(log_lock);
  if (log_text.size() < kMost) log_text.append(words) += '\n';
}

void take_log() {
  g_log_set_handler("VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_MASK), keep_log, nullptr);
}

}  // namespace

ThreadScope::ThreadScope() : lock_(working) {}

ThreadScope::~ThreadScope() {
  vips_error_clear();
  vips_thread_shutdown();
}

AloneScope::AloneScope() : lock_(working) {
  vips_error_clear();
  const MutexLock lock(log_lock);
  log_text.clear();
}

AloneScope::~AloneScope() {
  vips_error_clear();
  vips_thread_shutdown();
}

std::string AloneScope::errors() const {
  return vips_error_buffer();
}

std::string AloneScope::warnings() const {
  const MutexLock lock(log_lock);
  return log_text;
}

int warned_jpegs() {
  return warned_jpeg_count;
}

void start_vips() {
  // A throw leaves it unset: the next picture tries again and fails with the same message.
  static const bool started = [] {
    take_log();
    if (vips_init("oko") != 0) {
      throw Error(ErrorCode::kFailed, tr("libvips does not start", "libvips не запускается"),
                  tr("reinstall the libvips package", "переустановите пакет libvips"));
    }
    take_log();  // again: vips_init installs its own handler first if VIPS_WARNING is set
    vips_block_untrusted_set(TRUE);
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    return true;
  }();
  static_cast<void>(started);
}

}  // namespace oko::image
