#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace oko::tensor::cpu {

/// The threads that all CPU kernels share. One kernel runs at a time: `parallel_for` is called from
/// MLX's stream thread only, or from one test thread.
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

 private:
  void work();
  void drain(const std::function<void(std::size_t)>& task, std::size_t count);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(std::size_t)>* task_ = nullptr;
  std::size_t count_ = 0;
  std::size_t busy_ = 0;
  std::size_t generation_ = 0;
  bool stop_ = false;
  std::atomic<std::size_t> next_{0};
};

/// The process's pool, made at first use, one thread a processor that this process may run on.
ThreadPool& thread_pool();

}  // namespace oko::tensor::cpu
