#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/memory_budget.h"
#include "grammar/grammar.h"

namespace oko::engine {

/// The compiled grammars of one model. Each has a reservation while an answer uses it, and is kept
/// for later answers until the budget needs the room. Any thread may call.
class GrammarCache final : public budget::Evictable {
 public:
  using SharedGrammar = std::shared_ptr<const grammar::Grammar>;

  explicit GrammarCache(budget::MemoryBudget& budget, std::uint64_t max_bytes = kMaxBytes);
  ~GrammarCache() override;  ///< no grammar of it may be in use
  GrammarCache(const GrammarCache&) = delete;
  GrammarCache& operator=(const GrammarCache&) = delete;

  /// The grammar of `key`, by `compile` unless it is kept. Reserves for the largest one that there
  /// may be first, and waits for this room. Throws as `compile`; kOverBudget, kTooLarge, with the
  /// numbers; kCancelled.
  SharedGrammar get(const std::string& key, const std::function<SharedGrammar()>& compile,
                    const StopToken& stop = {});

  budget::EvictionOrder order() const override { return budget::EvictionOrder::kGrammarCache; }
  std::optional<Clock::time_point> idle_since() const override;
  bool evict(std::uint64_t bytes, const StopToken& stop) override;

 private:
  static constexpr std::uint64_t kMaxBytes = 64 * 1024 * 1024;

  struct Entry {
    std::string key;
    SharedGrammar grammar;
    std::uint64_t bytes = 0;
    budget::Reservation reservation = {};
  };
  using Entries = std::list<std::shared_ptr<const Entry>>;

  SharedGrammar find(const std::string& key) OKO_REQUIRES(mutex_);
  Entries take_oldest(std::uint64_t bytes) OKO_REQUIRES(mutex_);

  budget::MemoryBudget& budget_;
  const std::uint64_t max_bytes_;
  /// Never held while the budget is called, which takes it under its own; that includes the end of
  /// a reservation.
  mutable Mutex mutex_;
  Entries entries_ OKO_GUARDED_BY(mutex_);  ///< used last, first
  std::uint64_t bytes_ OKO_GUARDED_BY(mutex_) = 0;
  Clock::time_point last_used_ OKO_GUARDED_BY(mutex_) = Clock::now();
  budget::EvictableRegistration registration_;  // last: it waits for an eviction
};

}  // namespace oko::engine
