#include "engine/answer_stream.h"

#include <utility>

namespace oko::engine {

void AnswerStream::notify() {
  has_update_ = true;
  changed_.notify_all();
}

void AnswerStream::push(const std::string& text) {
  const MutexLock lock(mutex_);
  update_.text += text;
  notify();
}

void AnswerStream::push_thoughts(const std::string& text) {
  const MutexLock lock(mutex_);
  update_.thoughts += text;
  notify();
}

void AnswerStream::push(TokenLogprobs token) {
  const MutexLock lock(mutex_);
  update_.logprobs.push_back(std::move(token));
  notify();
}

void AnswerStream::push(CallPiece piece) {
  const MutexLock lock(mutex_);
  update_.calls.push_back(std::move(piece));
  notify();
}

void AnswerStream::report(double progress) {
  const MutexLock lock(mutex_);
  update_.progress = progress;
  notify();
}

void AnswerStream::finish(GenerationResult result) {
  const MutexLock lock(mutex_);
  result_ = std::move(result);
  update_.is_finished = true;
  notify();
}

void AnswerStream::fail(std::exception_ptr error) {
  const MutexLock lock(mutex_);
  error_ = std::move(error);
  update_.is_finished = true;
  notify();
}

std::optional<AnswerUpdate> AnswerStream::next(const StopToken& stop) {
  const MutexLock lock(mutex_);
  if (!changed_.wait(mutex_, stop, [this]() OKO_REQUIRES(mutex_) { return has_update_; }))
    return std::nullopt;
  has_update_ = update_.is_finished;  // the end stays an update
  AnswerUpdate update = update_;
  update_.text.clear();
  update_.thoughts.clear();
  update_.logprobs.clear();
  update_.calls.clear();
  return update;
}

GenerationResult AnswerStream::wait() {
  const MutexLock lock(mutex_);
  changed_.wait(mutex_, [this]() OKO_REQUIRES(mutex_) { return update_.is_finished; });
  if (const std::exception_ptr error = std::exchange(error_, nullptr))
    std::rethrow_exception(error);
  return std::move(result_);
}

}  // namespace oko::engine
