#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "base/stop_token.h"

namespace oko::engine {

/// The one thread that owns MLX. What it is given runs one by one; arrays are made, used and given
/// back on it.
class ModelThread {
 public:
  /// `threads`: of the CPU kernels; 0: one a physical core. Throws as `tensor::select_device`.
  explicit ModelThread(std::size_t threads);
  ~ModelThread();  ///< waits for what it was given
  ModelThread(const ModelThread&) = delete;
  ModelThread& operator=(const ModelThread&) = delete;

  /// Runs `job` there and waits for it. Errors pass through; other exceptions become kFailed.
  /// Throws kCancelled where `stop` is requested before the job has begun, which then never does.
  void run(const std::function<void()>& job, const StopToken& stop = {});

 private:
  struct Task;

  void work(const StopToken& stop, std::size_t threads);

  std::mutex mutex_;
  ConditionVariable wake_;
  ConditionVariable done_;
  std::deque<Task*> waiting_;
  JoiningThread thread_;  // last: it ends before the rest is gone
};

}  // namespace oko::engine
