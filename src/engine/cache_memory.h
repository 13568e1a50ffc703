#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/stop_token.h"
#include "budget/memory_budget.h"

namespace oko::engine {

/// Runs a command on the model thread and waits for it: see Scheduler::run.
using RunOnModelThread = std::function<void(const std::function<void()>&, const StopToken&)>;

struct CacheMemoryOptions {
  budget::EvictionOrder order = budget::EvictionOrder::kImageCache;
  budget::Tag tag = budget::Tag::kImageCache;
  std::uint64_t max_bytes = 0;
  RunOnModelThread run;
  /// Frees the least recently used entry and its reservation; returns false if the cache is empty.
  /// Called on the model thread.
  std::function<bool()> drop_oldest;
};

/// The memory of a cache whose entries belong to the model thread. Every entry has a resident
/// reservation, so the cache takes memory only as it grows; the budget evicts the oldest entries.
/// The last member of its cache: its destructor waits for an eviction under way.
class CacheMemory final : public budget::Evictable {
 public:
  CacheMemory(budget::MemoryBudget& budget, CacheMemoryOptions options);

  /// Reserves for a new entry, on the model thread. If the cache would have more than `max_bytes`,
  /// or if no memory is free, drops as many of its own entries as the new one needs; never evicts
  /// others, never waits. Nothing if there is no room for the entry.
  std::optional<budget::Reservation> reserve(std::uint64_t bytes);
  /// Notes a use of the cache.
  void touch() { last_used_ = Clock::now(); }
  void run(const std::function<void()>& command) const { options_.run(command, {}); }

  budget::EvictionOrder order() const override { return options_.order; }
  std::optional<Clock::time_point> idle_since() const override { return last_used_; }
  bool evict(std::uint64_t bytes, const StopToken& stop) override;

 private:
  bool drop(std::uint64_t bytes);

  budget::MemoryBudget& budget_;
  CacheMemoryOptions options_;
  std::atomic<Clock::time_point> last_used_{Clock::now()};
  budget::EvictableRegistration registration_;  // last: it waits for an eviction
};

}  // namespace oko::engine
