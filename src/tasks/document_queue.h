#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
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

  /// Waits until `push` would not. Returns false if it did not wait. Throws kCancelled.
  bool wait_for_room(const StopToken& stop) {
    MutexLock lock(mutex_);
    if (has_room()) return false;
    if (!changed_.wait(mutex_, stop, [this]() OKO_REQUIRES(mutex_) { return has_room(); })) {
      throw_cancelled();
    }
    return true;
  }

  /// No more documents come; `error`, if any, is thrown by `pop` behind the last one.
  void close(std::exception_ptr error = {}) {
    MutexLock lock(mutex_);
    is_closed_ = true;
    error_ = std::move(error);
    changed_.notify_all();
  }

  /// Part of the next document is read: whoever waits for it can tell the user.
  void announce() {
    MutexLock lock(mutex_);
    has_news_ = true;
    changed_.notify_all();
  }

  /// Waits for the next one, and calls `on_news` after each `announce` meanwhile; nothing at the
  /// end. Throws kCancelled.
  std::optional<ReadDocument> pop(const StopToken& stop,
                                  const std::function<void()>& on_news = {}) {
    MutexLock lock(mutex_);
    while (!wait_for_news(stop)) {
      const MutexUnlock unlock(mutex_);
      if (on_news) on_news();
    }
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

  /// True once there is a document, or the end.
  bool wait_for_news(const StopToken& stop) OKO_REQUIRES(mutex_) {
    const auto is_ready = [this]()
                              OKO_REQUIRES(mutex_) { return is_closed_ || !documents_.empty(); };
    const auto has_any = [&]() OKO_REQUIRES(mutex_) { return has_news_ || is_ready(); };
    if (!changed_.wait(mutex_, stop, has_any)) throw_cancelled();
    has_news_ = false;
    return is_ready();
  }

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<ReadDocument> documents_ OKO_GUARDED_BY(mutex_);
  std::size_t passages_ OKO_GUARDED_BY(mutex_) = 0;
  bool has_news_ OKO_GUARDED_BY(mutex_) = false;
  bool is_closed_ OKO_GUARDED_BY(mutex_) = false;
  std::exception_ptr error_ OKO_GUARDED_BY(mutex_);
};

}  // namespace oko::tasks
