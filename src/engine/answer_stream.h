#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "engine/generation.h"

namespace oko::engine {

/// The changes of a request since its caller's last call.
struct AnswerUpdate {
  std::string text;      ///< of the answer: whole UTF-8 characters
  std::string thoughts;  ///< likewise
  std::vector<TokenLogprobs> logprobs;
  std::vector<CallPiece> calls;
  double progress = 0;  ///< of the work before the first token, 0..1
  bool is_finished = false;
};

/// Passes an answer from the model thread to its caller. The model thread never waits here: text
/// that is not fetched yet is one string, at most as long as the answer.
class AnswerStream {
 public:
  // For the model thread.
  void push(const std::string& text);
  void push_thoughts(const std::string& text);
  void push(TokenLogprobs token);
  void push(CallPiece piece);
  void report(double progress);
  void finish(GenerationResult result);
  void fail(std::exception_ptr error);
  StopToken stop_token() const { return stop_.get_token(); }

  // For the caller.
  /// Waits for an update. Nothing if `stop` is requested first.
  std::optional<AnswerUpdate> next(const StopToken& stop);
  /// Waits for the end. Throws the error of a request that failed.
  GenerationResult wait();
  void request_stop() { stop_.request_stop(); }

 private:
  void notify() OKO_REQUIRES(mutex_);

  StopSource stop_;
  Mutex mutex_;
  ConditionVariable changed_;
  AnswerUpdate update_ OKO_GUARDED_BY(mutex_);  ///< not fetched yet
  bool has_update_ OKO_GUARDED_BY(mutex_) = false;
  GenerationResult result_ OKO_GUARDED_BY(mutex_);
  std::exception_ptr error_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::engine
