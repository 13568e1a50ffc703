#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/stop_token.h"

namespace oko::budget {

class MemoryBudget;

/// The order of eviction: the cheapest to make again first.
enum class EvictionOrder { kGrammarCache, kPrefixCache, kImageCache, kIdleModel };

/// Something resident that can be freed and made again: a cache, a model that is idle.
class Evictable {
 public:
  using Clock = std::chrono::steady_clock;

  virtual ~Evictable() = default;
  virtual EvictionOrder order() const = 0;
  /// The time of the last use, or nothing if it is in use now. Runs under the budget's lock: must
  /// not call the budget.
  virtual std::optional<Clock::time_point> idle_since() const = 0;
  /// Frees `bytes`, or all of its memory if that is less, and releases their reservations. Returns
  /// false if it freed nothing, because it was used again. Runs without a lock; may wait for the
  /// model thread. Throws kCancelled.
  virtual bool evict(std::uint64_t bytes, const StopToken& stop) = 0;
};

/// RAII: makes an evictable known to its budget, which must outlive this.
class EvictableRegistration {
 public:
  EvictableRegistration(MemoryBudget& budget, Evictable& evictable);
  /// Waits for an eviction in progress. All of its reservations must be released.
  ~EvictableRegistration();
  EvictableRegistration(const EvictableRegistration&) = delete;
  EvictableRegistration& operator=(const EvictableRegistration&) = delete;

  std::uint64_t bytes() const;  ///< of its reservations

 private:
  friend class MemoryBudget;
  MemoryBudget& budget_;
  Evictable& evictable_;
  // Under the budget's mutex.
  std::uint64_t bytes_ = 0;
  bool is_evicting_ = false;
};

}  // namespace oko::budget
