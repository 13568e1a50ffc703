#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::engine {

/// Work of the model thread in short steps, between which others have theirs.
class StepSource {
 public:
  virtual ~StepSource() = default;

  /// Runs one step: at most a picture, a chunk of a prompt or a token of each answer. Returns false
  /// if there is nothing to do until `Scheduler::wake`.
  virtual bool step() noexcept = 0;
};

/// The one thread that owns MLX: it makes, uses and frees all arrays. It runs commands, one by one,
/// and steps; a step of every source that has work comes between two commands. The states of a
/// source:
///
///     idle --- wake ---> queued --- first in the queue ---> running --- no more steps ---> idle
///                          ^                                   |
///                          +--- more steps, or woken ----------+
///
/// `forget` ends every state, running at the end of the step.
class Scheduler {
 public:
  /// `threads`: of the CPU kernels; 0: one a physical core. Throws as `tensor::select_device`.
  explicit Scheduler(std::size_t threads);
  ~Scheduler();  ///< waits for its commands
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Runs `command` on the model thread and waits for it. Errors pass through; other exceptions
  /// become kFailed. Throws kCancelled if `stop` is requested before the command has begun, and
  /// then never runs it.
  void run(const std::function<void()>& command, const StopToken& stop = {});

  /// Takes steps of `source` until one returns false. It must live until `forget`.
  void wake(StepSource& source);

  /// After it returns no step of `source` runs or begins.
  void forget(StepSource& source);

 private:
  struct Command;

  void model_thread_loop(const StopToken& stop, std::size_t threads);
  void run_next_command() OKO_REQUIRES(mutex_);
  void take_next_step() OKO_REQUIRES(mutex_);

  Mutex mutex_;
  ConditionVariable wake_;
  ConditionVariable done_;  ///< a command, or a step of a source in `forget`
  std::deque<Command*> commands_ OKO_GUARDED_BY(mutex_);
  /// Sources that have work, the next one first.
  std::deque<StepSource*> sources_ OKO_GUARDED_BY(mutex_);
  StepSource* running_ OKO_GUARDED_BY(mutex_) = nullptr;
  bool is_woken_ OKO_GUARDED_BY(mutex_) = false;      ///< `running_`, during its step
  bool is_forgotten_ OKO_GUARDED_BY(mutex_) = false;  ///< the same
  JoiningThread thread_;                              // last: it ends before the others
};

}  // namespace oko::engine
