#include "base/stop_token.h"

namespace oko::stop_internal {

bool State::request() {
  std::unique_lock lock(mutex_);
  if (requested_.exchange(true)) return false;
  caller_ = std::this_thread::get_id();
  while (first_ != nullptr) {
    calling_ = first_;
    first_ = calling_->next_;
    if (first_ != nullptr) first_->previous_ = nullptr;
    lock.unlock();
    calling_->call();  // may destroy the callback
    lock.lock();
    calling_ = nullptr;
    called_.notify_all();
  }
  return true;
}

bool State::add(CallbackNode& node) {
  const std::lock_guard lock(mutex_);
  if (requested_) return false;
  node.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &node;
  first_ = &node;
  return true;
}

void State::remove(CallbackNode& node) {
  std::unique_lock lock(mutex_);
  if (calling_ == &node) {
    if (caller_ != std::this_thread::get_id()) {
      called_.wait(lock, [&] { return calling_ != &node; });
    }
    return;
  }
  if (node.previous_ != nullptr) {
    node.previous_->next_ = node.next_;
  } else if (first_ == &node) {
    first_ = node.next_;
  } else {
    return;  // was called, or never added
  }
  if (node.next_ != nullptr) node.next_->previous_ = node.previous_;
}

}  // namespace oko::stop_internal
