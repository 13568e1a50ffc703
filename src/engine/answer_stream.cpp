#include "engine/answer_stream.h"

#include <utility>

namespace oko::engine {

void AnswerStream::notify(std::unique_lock<std::mutex>& lock) {
  has_update_ = true;
  lock.unlock();
  changed_.notify_all();
}

void AnswerStream::push(const std::string& text) {
  std::unique_lock lock(mutex_);
  update_.text += text;
  notify(lock);
}

void AnswerStream::report(double progress) {
  std::unique_lock lock(mutex_);
  update_.progress = progress;
  notify(lock);
}

void AnswerStream::finish(GenerationResult result) {
  std::unique_lock lock(mutex_);
  result_ = std::move(result);
  update_.is_finished = true;
  notify(lock);
}

void AnswerStream::fail(std::exception_ptr error) {
  std::unique_lock lock(mutex_);
  error_ = std::move(error);
  update_.is_finished = true;
  notify(lock);
}

std::optional<AnswerUpdate> AnswerStream::next(const StopToken& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [this] { return has_update_; })) return std::nullopt;
  has_update_ = update_.is_finished;  // the end is told again
  AnswerUpdate update = update_;
  update_.text.clear();
  return update;
}

GenerationResult AnswerStream::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return update_.is_finished; });
  if (const std::exception_ptr error = std::exchange(error_, nullptr))
    std::rethrow_exception(error);
  return std::move(result_);
}

}  // namespace oko::engine
