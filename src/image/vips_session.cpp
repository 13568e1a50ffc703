#include "image/vips_session.h"

#include "base/error.h"
#include "base/language.h"

namespace oko::image {
namespace {

void ignore_log(const char*, GLogLevelFlags, const char*, void*) {}

}  // namespace

void start_vips() {
  // A throw leaves it unset: the next picture tries again and fails with the same message.
  static const bool started = [] {
    g_log_set_handler("VIPS", static_cast<GLogLevelFlags>(G_LOG_LEVEL_MASK), ignore_log, nullptr);
    if (vips_init("oko") != 0) {
      throw Error(ErrorCode::kFailed, tr("libvips does not start", "libvips не запускается"),
                  tr("reinstall the libvips package", "переустановите пакет libvips"));
    }
    vips_block_untrusted_set(TRUE);
    vips_cache_set_max(0);
    vips_concurrency_set(1);
    return true;
  }();
  static_cast<void>(started);
}

}  // namespace oko::image
