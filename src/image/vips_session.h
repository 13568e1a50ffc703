#pragma once

#include <vips/vips.h>

#include <memory>

namespace oko::image {

struct Unreference {
  void operator()(VipsImage* image) const { g_object_unref(image); }
};
using Handle = std::unique_ptr<VipsImage, Unreference>;

/// Frees what libvips keeps for the calling thread, which may end without telling libvips, and the
/// error texts, which are one buffer for the whole process and so of no use in messages.
struct ThreadScope {
  ThreadScope() = default;
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;
  ~ThreadScope() {
    vips_error_clear();
    vips_thread_shutdown();
  }
};

/// To be called before any operation. Throws kFailed where libvips does not start.
void start_vips();

/// One libvips operation: `apply(&result)` answers 0 where it worked.
template <typename Apply>
Handle run(Apply apply) {
  VipsImage* result = nullptr;
  if (apply(&result) == 0) return Handle(result);
  if (result != nullptr) g_object_unref(result);
  return nullptr;
}

}  // namespace oko::image
