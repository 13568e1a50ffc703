#pragma once

#include <mutex>

// Thread-safety annotations of clang (its documentation, "Thread Safety Analysis"): a build with
// clang refuses a use of `member OKO_GUARDED_BY(mutex)` without the mutex. Other compilers ignore
// them.
#if defined(__clang__)
#define OKO_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define OKO_THREAD_ANNOTATION(x)
#endif
#define OKO_GUARDED_BY(mutex) OKO_THREAD_ANNOTATION(guarded_by(mutex))
#define OKO_REQUIRES(mutex) OKO_THREAD_ANNOTATION(requires_capability(mutex))
#define OKO_ACQUIRE(...) OKO_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define OKO_RELEASE(...) OKO_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define OKO_UNCHECKED OKO_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace oko {

/// std::mutex, which carries no annotations in GCC's library.
class OKO_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() OKO_ACQUIRE() { mutex_.lock(); }
  void unlock() OKO_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a mutex while it lives.
class OKO_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) OKO_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() OKO_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Releases a mutex that the caller holds, and acquires it again on every exit path.
class OKO_THREAD_ANNOTATION(scoped_lockable) MutexUnlock {
 public:
  explicit MutexUnlock(Mutex& mutex) OKO_RELEASE(mutex) : mutex_(mutex) { mutex_.unlock(); }
  ~MutexUnlock() OKO_RELEASE() { mutex_.lock(); }  // of a scope that released, it acquires
  MutexUnlock(const MutexUnlock&) = delete;
  MutexUnlock& operator=(const MutexUnlock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace oko
