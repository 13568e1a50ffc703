#pragma once

#include <vips/vips.h>

#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

namespace oko::image {

struct Unreference {
  void operator()(VipsImage* image) const { g_object_unref(image); }
};
using Handle = std::unique_ptr<VipsImage, Unreference>;

/// Work with libvips on one of several threads. Its end frees the memory that libvips keeps for the
/// calling thread, which may end without telling libvips, and clears the error texts: libvips has
/// one buffer of them for the whole process, so they are of no use in messages. One at a time in a
/// thread.
class ThreadScope {
 public:
  ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;
  ~ThreadScope();

 private:
  std::shared_lock<std::shared_mutex> lock_;
};

/// Work while no other thread uses libvips, so that its messages are about this work.
class AloneScope {
 public:
  AloneScope();
  AloneScope(const AloneScope&) = delete;
  AloneScope& operator=(const AloneScope&) = delete;
  ~AloneScope();

  /// The errors since the start, one a line.
  std::string errors() const;

  /// The warnings since the start, one a line; those of a JPEG file come when it is closed.
  std::string warnings() const;

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

/// Number of JPEG files read with a warning of libjpeg, in all threads since the start.
int warned_jpegs();

/// Call it before any operation. Throws kFailed if libvips does not start.
void start_vips();

/// One libvips operation: `apply(&result)` returns 0 on success.
template <typename Apply>
Handle run(Apply apply) {
  VipsImage* result = nullptr;
  if (apply(&result) == 0) return Handle(result);
  if (result != nullptr) g_object_unref(result);
  return nullptr;
}

}  // namespace oko::image
