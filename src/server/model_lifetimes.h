#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/stop_token.h"

namespace oko::server {

/// Knows when models were used last, and unloads those whose time is over. Any thread may call.
class ModelLifetimes {
 public:
  using Clock = std::chrono::steady_clock;

  /// `usual`: after which an idle model goes by itself, not by `unload`; 0: it stays. `unload` is
  /// called without a lock.
  ModelLifetimes(std::chrono::milliseconds usual,
                 std::function<void(const std::filesystem::path&)> unload);

  /// A use of a model, until the result is destroyed. This must outlive it.
  std::shared_ptr<void> use(const std::filesystem::path& model);

  /// Unloads a model once it is idle for `time`, at most the usual one; 0: after its present uses;
  /// none: the usual one.
  void keep(const std::filesystem::path& model, std::optional<std::chrono::milliseconds> time);

  /// When the model goes if nobody uses it again; nothing: it stays, or was never used.
  std::optional<Clock::time_point> end_of(const std::filesystem::path& model) const;

 private:
  struct Life {
    std::size_t uses = 0;
    Clock::time_point last_use = {};
    std::optional<std::chrono::milliseconds> time = {};  ///< none: the usual one
  };

  void end_use(const std::filesystem::path& model);
  void watch(const StopToken& stop);
  /// A model whose time is over; else nothing, and `next` is when to look again.
  std::optional<std::filesystem::path> take_ended(std::optional<Clock::time_point>& next)
      OKO_REQUIRES(mutex_);

  const std::chrono::milliseconds usual_;
  const std::function<void(const std::filesystem::path&)> unload_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool has_changed_ OKO_GUARDED_BY(mutex_) = false;
  std::map<std::filesystem::path, Life> lives_ OKO_GUARDED_BY(mutex_);
  JoiningThread watcher_;  // last: it stops before the others
};

}  // namespace oko::server
