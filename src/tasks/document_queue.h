#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "tasks/read_documents.h"

namespace oko::tasks {

/// Documents on their way from the thread that reads to the one that embeds. It holds a few, so
/// that the memory of their text stays small.
class DocumentQueue {
 public:
  /// Waits while the queue is full. Throws kCancelled.
  void push(ReadDocument document, const StopToken& stop) {
    MutexLock lock(mutex_);
    if (!changed_.wait(mutex_, stop, [this]() OKO_REQUIRES(mutex_) { return has_room(); })) {
      throw_cancelled();
    }
    passages_ += document.passages.size();
    documents_.push_back(std::move(document));
    changed_.notify_all();
  }

  /// No more documents come; `error`, if any, is thrown by `pop` behind the last one.
  void close(std::exception_ptr error = {}) {
    MutexLock lock(mutex_);
    is_closed_ = true;
    error_ = std::move(error);
    changed_.notify_all();
  }

  /// Waits for the next one; nothing at the end. Throws kCancelled.
  std::optional<ReadDocument> pop(const StopToken& stop) {
    MutexLock lock(mutex_);
    const auto is_ready = [this]()
                              OKO_REQUIRES(mutex_) { return is_closed_ || !documents_.empty(); };
    if (!changed_.wait(mutex_, stop, is_ready)) throw_cancelled();
    if (documents_.empty()) {
      if (error_) std::rethrow_exception(error_);
      return std::nullopt;
    }
    ReadDocument document = std::move(documents_.front());
    documents_.pop_front();
    passages_ -= document.passages.size();
    changed_.notify_all();
    return document;
  }

 private:
  static constexpr std::size_t kMostDocuments = 64;
  static constexpr std::size_t kMostPassages = 512;  ///< one document may have more

  bool has_room() const OKO_REQUIRES(mutex_) {
    return documents_.empty() || (documents_.size() < kMostDocuments && passages_ < kMostPassages);
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<ReadDocument> documents_ OKO_GUARDED_BY(mutex_);
  std::size_t passages_ OKO_GUARDED_BY(mutex_) = 0;
  bool is_closed_ OKO_GUARDED_BY(mutex_) = false;
  std::exception_ptr error_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::tasks
