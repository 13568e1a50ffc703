#pragma once

#include <list>
#include <memory>
#include <vector>

#include "base/stop_token.h"
#include "budget/reservation.h"
#include "engine/generation_task.h"

namespace oko::engine {

/// Prompts that one pass reads together.
struct PrefillBatch {
  std::vector<GenerationTask*> tasks;
  budget::Reservation memory = {};  ///< of the pass, in addition to what the tasks have reserved
};

/// Batches `first` with the others in kPrefill whose prompts end in the same chunk, so that the
/// weights are unpacked once for all. Reserves the memory of the pass: neither evicts nor waits, so
/// that a full budget makes the batch smaller.
PrefillBatch batch_prompts(GenerationTask& first,
                           const std::list<std::unique_ptr<GenerationTask>>& tasks);

/// Requests a stop as soon as any of the tasks is stopped.
class AnyStop {
 public:
  explicit AnyStop(const std::vector<GenerationTask*>& tasks) {
    for (const GenerationTask* task : tasks)
      callbacks_.emplace_back(task->stop_token(), Request{source_});
  }
  StopToken token() const { return source_.get_token(); }

 private:
  struct Request {
    void operator()() const { source.request_stop(); }
    StopSource source;
  };
  StopSource source_;
  std::list<StopCallback<Request>> callbacks_;
};

}  // namespace oko::engine
