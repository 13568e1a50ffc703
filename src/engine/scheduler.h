#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::engine {

/// Work that the model thread does in short steps, with the steps of others between them.
class StepSource {
 public:
  virtual ~StepSource() = default;

  /// One step: at most a picture, a chunk of a prompt or a token of each answer. False: there is
  /// nothing to do until `Scheduler::wake`.
  virtual bool step() noexcept = 0;
};

/// The one thread that owns MLX: arrays are made, used and given back on it. It runs commands, one
/// by one, and steps; a step of every source that has work comes between two commands. The states
/// of a source:
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
  ~Scheduler();  ///< waits for the commands that it was given
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Runs `command` on the model thread and waits for it. Errors pass through; other exceptions
  /// become kFailed. Throws kCancelled if `stop` is requested before the command has begun,
  /// which then never does.
  void run(const std::function<void()>& command, const StopToken& stop = {});

  /// Takes steps of `source` until one returns false. It must live until `forget`.
  void wake(StepSource& source);

  /// After it returns no step of `source` runs or begins.
  void forget(StepSource& source);

 private:
  struct Command;

  void work(const StopToken& stop, std::size_t threads);
  void run_next_command() OKO_REQUIRES(mutex_);
  void take_next_step() OKO_REQUIRES(mutex_);

  Mutex mutex_;
  ConditionVariable wake_;
  ConditionVariable done_;  ///< a command, or a step of a source that is to be forgotten
  std::deque<Command*> commands_ OKO_GUARDED_BY(mutex_);
  /// That have work, the next one first.
  std::deque<StepSource*> sources_ OKO_GUARDED_BY(mutex_);
  StepSource* running_ OKO_GUARDED_BY(mutex_) = nullptr;
  bool is_woken_ OKO_GUARDED_BY(mutex_) = false;      ///< `running_`, during its step
  bool is_forgotten_ OKO_GUARDED_BY(mutex_) = false;  ///< the same
  JoiningThread thread_;                              // last: it ends before the rest is gone
};

}  // namespace oko::engine
