#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

#include "base/mutex.h"

namespace oko {

// Cooperative cancellation with the semantics of C++20's <stop_token>, which Apple's libc++ lacks
// before Xcode 26 (libc++ 20). Names follow [thread.stoptoken] and [thread.jthread].

namespace stop_internal {

/// A callback in the list of its state.
class CallbackNode {
 public:
  CallbackNode() = default;
  CallbackNode(const CallbackNode&) = delete;
  CallbackNode& operator=(const CallbackNode&) = delete;
  virtual void call() noexcept = 0;

 protected:
  ~CallbackNode() = default;

 private:
  friend class State;
  CallbackNode* next_ = nullptr;
  CallbackNode* previous_ = nullptr;
};

/// The state that a source, its tokens and their callbacks share.
class State {
 public:
  bool is_requested() const noexcept { return requested_.load(std::memory_order_acquire); }

  /// Calls all callbacks on this thread. Returns false if a stop was requested before.
  bool request();

  /// Returns false, and does not add `node`, if a stop was requested before.
  bool add(CallbackNode& node);

  /// Waits if another thread is calling `node`.
  void remove(CallbackNode& node);

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::condition_variable called_;
  CallbackNode* first_ = nullptr;
  CallbackNode* calling_ = nullptr;  ///< off the list
  std::thread::id caller_;
};

}  // namespace stop_internal

/// Tells if a stop was requested from its source; a default token has none. Several threads may use
/// copies at once.
class StopToken {
 public:
  StopToken() = default;

  bool stop_requested() const noexcept { return state_ != nullptr && state_->is_requested(); }

 private:
  friend class StopSource;
  template <typename Callback>
  friend class StopCallback;
  explicit StopToken(std::shared_ptr<stop_internal::State> state) : state_(std::move(state)) {}

  std::shared_ptr<stop_internal::State> state_;
};

/// Requests a stop from all its tokens. Copies share one state.
class StopSource {
 public:
  StopSource() : state_(std::make_shared<stop_internal::State>()) {}

  /// Runs the registered callbacks on this thread before it returns. Returns false if a stop was
  /// requested before. `const`, so that several threads may share a source.
  bool request_stop() const { return state_->request(); }
  bool stop_requested() const noexcept { return state_->is_requested(); }
  StopToken get_token() const { return StopToken(state_); }

 private:
  std::shared_ptr<stop_internal::State> state_;
};

/// Calls `callback()` once when a stop is requested: on the requesting thread, or in the
/// constructor if it was requested before. After the destructor no call is under way, except the
/// one that destroys this object. The callback must not throw.
template <typename Callback>
class StopCallback final : private stop_internal::CallbackNode {
 public:
  StopCallback(const StopToken& token, Callback callback)
      : state_(token.state_), callback_(std::move(callback)) {
    if (state_ != nullptr && !state_->add(*this)) call();
  }
  ~StopCallback() {
    if (state_ != nullptr) state_->remove(*this);
  }

 private:
  void call() noexcept override { std::invoke(callback_); }

  std::shared_ptr<stop_internal::State> state_;
  Callback callback_;
};

/// std::condition_variable_any whose waits end at a stop. `Lock` is a std::unique_lock or a Mutex
/// that the caller holds.
class ConditionVariable {
 public:
  void notify_one() {
    const std::lock_guard guard(mutex_);
    condition_.notify_one();
  }
  void notify_all() {
    const std::lock_guard guard(mutex_);
    condition_.notify_all();
  }

  template <typename Lock, typename Predicate>
  void wait(Lock& lock, Predicate predicate) OKO_UNCHECKED {
    wait(lock, StopToken(), std::move(predicate));
  }

  /// Returns true when `predicate()` holds, which is checked first; false if a stop is requested.
  template <typename Lock, typename Predicate>
  bool wait(Lock& lock, const StopToken& stop, Predicate predicate) OKO_UNCHECKED {
    const StopCallback wake(stop, [this] { notify_all(); });
    while (!predicate()) {
      std::unique_lock guard(mutex_);
      if (stop.stop_requested()) return false;
      const Unlocked<Lock> unlocked(lock);
      std::unique_lock inner(std::move(guard));  // released before `lock` is taken again
      condition_.wait(inner);
    }
    return true;
  }

  /// The value of `predicate()` after at most `duration`, or earlier if a stop is requested.
  template <typename Lock, typename Rep, typename Period, typename Predicate>
  bool wait_for(Lock& lock, const StopToken& stop, std::chrono::duration<Rep, Period> duration,
                Predicate predicate) OKO_UNCHECKED {
    const auto deadline = std::chrono::steady_clock::now() + duration;
    const StopCallback wake(stop, [this] { notify_all(); });
    while (!predicate()) {
      std::unique_lock guard(mutex_);
      if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return false;
      const Unlocked<Lock> unlocked(lock);
      std::unique_lock inner(std::move(guard));
      condition_.wait_until(inner, deadline);
    }
    return true;
  }

 private:
  template <typename Lock>
  struct Unlocked {
    explicit Unlocked(Lock& held) OKO_UNCHECKED : lock(held) { lock.unlock(); }
    ~Unlocked() OKO_UNCHECKED { lock.lock(); }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;
    Lock& lock;
  };

  // A notification takes this mutex, so that none is lost between the check of `stop` and the wait.
  std::mutex mutex_;
  std::condition_variable condition_;
};

/// std::jthread: requests a stop and joins when it is destroyed or replaced.
class JoiningThread {
 public:
  JoiningThread() = default;

  /// Runs `function(StopToken)` or, if it takes no token, `function()`.
  template <typename Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, JoiningThread>) explicit JoiningThread(
      Function&& function) {
    if constexpr (std::is_invocable_v<std::decay_t<Function>, StopToken>) {
      thread_ = std::thread(std::forward<Function>(function), source_.get_token());
    } else {
      thread_ = std::thread(std::forward<Function>(function));
    }
  }
  ~JoiningThread() { stop_and_join(); }

  JoiningThread(JoiningThread&& other) noexcept = default;
  JoiningThread& operator=(JoiningThread&& other) noexcept {
    if (this == &other) return *this;
    stop_and_join();
    source_ = std::move(other.source_);
    thread_ = std::move(other.thread_);
    return *this;
  }

  bool joinable() const noexcept { return thread_.joinable(); }
  void join() { thread_.join(); }

 private:
  void stop_and_join() {
    if (!thread_.joinable()) return;
    source_.request_stop();
    thread_.join();
  }

  StopSource source_;
  std::thread thread_;
};

}  // namespace oko
