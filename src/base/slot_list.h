#pragma once

#include <atomic>

#include "base/mutex.h"

namespace oko {

/// Values that a signal handler may visit while threads take and give them back: they are reused,
/// but never freed.
template <typename Value>
class SlotList {
 public:
  /// A new value, or a freed one with its old content. Throws std::bad_alloc.
  Value& take() {
    const MutexLock lock(mutex_);
    if (Slot* const slot = free_; slot != nullptr) {
      free_ = slot->next_free;
      return *slot;
    }
    auto* const slot = new Slot;
    slot->next = first_.load(std::memory_order_relaxed);
    first_.store(slot, std::memory_order_release);
    return *slot;
  }

  void give_back(Value& value) {
    auto& slot = static_cast<Slot&>(value);
    const MutexLock lock(mutex_);
    slot.next_free = free_;
    free_ = &slot;
  }

  /// Calls `visit` for all values, free ones too. Takes no lock.
  template <typename Visit>
  void visit_all(const Visit& visit) {
    for (Slot* slot = first_.load(std::memory_order_acquire); slot != nullptr; slot = slot->next) {
      visit(static_cast<Value&>(*slot));
    }
  }

 private:
  struct Slot : Value {
    Slot* next = nullptr;
    Slot* next_free = nullptr;
  };

  std::atomic<Slot*> first_{nullptr};
  Mutex mutex_;
  Slot* free_ OKO_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace oko
