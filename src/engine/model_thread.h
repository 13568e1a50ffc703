#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace oko::engine {

/// The one thread that owns MLX. What it is given runs one by one; arrays are made, used and given
/// back on it.
class ModelThread {
 public:
  /// `threads`: of the CPU kernels; 0: one a physical core.
  explicit ModelThread(std::size_t threads);
  ~ModelThread();  ///< waits for what it was given
  ModelThread(const ModelThread&) = delete;
  ModelThread& operator=(const ModelThread&) = delete;

  /// Runs `job` there and waits for it. Errors pass through; other exceptions become kFailed.
  /// Throws kCancelled where `stop` is requested before the job has begun, which then never does.
  void run(const std::function<void()>& job, const std::stop_token& stop = {});

 private:
  struct Task;

  void work(std::stop_token stop, std::size_t threads);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable_any done_;
  std::deque<Task*> waiting_;
  std::jthread thread_;  // last: it ends before the rest is gone
};

}  // namespace oko::engine
