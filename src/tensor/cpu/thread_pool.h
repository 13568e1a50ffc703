#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace oko::tensor::cpu {

/// The threads that all CPU kernels share. One kernel runs at a time: other callers wait for it.
///
/// Kernels of a decoded token follow each other within microseconds, and waking a sleeping thread
/// takes tens of them. So a thread that has nothing to do looks for work for a moment (some 50 µs)
/// before it sleeps; an idle pool costs nothing.
class ThreadPool {
 public:
  /// `threads` counts the caller: 1 runs everything on it.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const { return workers_.size() + 1; }

  /// Runs task(0) .. task(count - 1), each once, in any order, and returns when all are done.
  /// Tasks must not throw and must not call parallel_for.
  void parallel_for(std::size_t count, const std::function<void(std::size_t)>& task);

  /// Runs task(first, last) over 0 .. count - 1 in ranges of `size`, the last one shorter.
  void parallel_ranges(std::size_t count, std::size_t size,
                       const std::function<void(std::size_t first, std::size_t last)>& task);

  /// The same in ranges that start long and shorten: where reading memory in one run is what
  /// counts, and cores may differ in speed. No range is shorter than `smallest` but the last.
  void parallel_runs(std::size_t count, std::size_t smallest,
                     const std::function<void(std::size_t first, std::size_t last)>& task);

 private:
  void work();
  void await_job(std::size_t seen);
  void drain(const std::function<void(std::size_t)>& task, std::size_t count);

  std::vector<std::thread> workers_;
  std::mutex caller_;  ///< held while a kernel runs
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  // A job: written while no worker is busy, read by workers that have seen its generation.
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0;
  std::atomic<std::size_t> generation_{0};
  std::atomic<std::size_t> next_{0};  ///< index to be taken next
  std::atomic<std::size_t> busy_{0};  ///< workers that are not done with it
  std::atomic<bool> stop_{false};
};

/// Threads of the pool that `thread_pool()` makes at its first use; 0: one a physical core that
/// this process may run on. Later calls change nothing.
void set_thread_count(std::size_t threads);

/// The process's pool.
ThreadPool& thread_pool();

}  // namespace oko::tensor::cpu
