#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "base/localized_text.h"
#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/evictable.h"
#include "budget/reservation.h"
#include "budget/tag_bytes.h"

namespace oko::budget {

/// Counts since the budget was made, for the statistics of a server.
struct MemoryBudgetCounts {
  std::uint64_t granted = 0;
  std::uint64_t waited = 0;   ///< requests, granted or refused, that waited for a release
  std::uint64_t refused = 0;  ///< over the budget
  std::uint64_t evicted = 0;  ///< evictions that freed memory
  TagBytes peak;              ///< of each tag by itself
};

/// The callbacks run during the caller's turn, without the budget's lock.
struct ReserveRequest {
  /// The present size; re-evaluated after every change.
  std::function<TagBytes()> size;
  /// Extra condition for granting; re-evaluated after every change. Empty: always true.
  std::function<bool()> can_grant = {};
  /// Called with the reservation before the next turn. Returns false if the size has changed since
  /// it was evaluated: the request starts again. Must not throw; may be empty.
  std::function<bool(Reservation&)> on_grant = {};
  Lifetime lifetime = Lifetime::kTransient;
  /// An evictable in use by the caller, not evicted for this request. Null: none.
  const EvictableRegistration* keep = nullptr;
  LocalizedText hint = {};  ///< of the refusal: the user's options
  /// A transient reservation that the caller keeps while it waits; null: none.
  const Reservation* already_held = nullptr;
};

/// Tracks memory reservations against the budget and evicts caches and idle models. Work reserves
/// before it allocates, so that the total never exceeds the budget. Any thread may call.
///
/// The states of a call of `reserve`:
///
///     queued --- first in the queue ---> turn --- fits, can_grant, on_grant ---> granted
///       ^                                | |
///       |                                | +--- can never fit, or nothing to wait for ---> refused
///       |                                |
///       +----------- waiting <-----------+ nothing can be evicted now
///         a change
///
/// A turn evaluates `size` and `can_grant`, then grants or evicts, and begins again after every
/// eviction. One caller has its turn at a time. While the first in the queue waits, callers that
/// hold memory may overtake it. A stop ends every state but granted: cancelled.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Evicts in the order of EvictionOrder, the least recently used first, then waits until other
  /// work releases. First come, first served, but callers that hold memory while they wait go
  /// before those that hold none. Throws kOverBudget, with the numbers and the hint: at once, with
  /// nothing evicted, if it would not fit next to the residents that cannot be evicted; otherwise
  /// if no active reservation is left to wait for. Throws kCancelled.
  Reservation reserve(const ReserveRequest& request, StopToken stop = {});

  /// Makes a cache grow: reserves for `owner` if there is room now and no caller of `reserve` needs
  /// it. Neither evicts nor waits.
  std::optional<Reservation> try_reserve(const TagBytes& bytes, EvictableRegistration& owner);
  /// The same for a transient reservation.
  std::optional<Reservation> try_reserve(const TagBytes& bytes);

  /// Evicts all of one order that is idle since before `before`, except `keep`. Throws kCancelled.
  void evict_idle(EvictionOrder order, Evictable::Clock::time_point before, const StopToken& stop,
                  const EvictableRegistration* keep = nullptr);

  /// Evicts all of `registration`, unless it is in use. Its owner calls it at its end: callers of
  /// `reserve` wait for an eviction in progress, but not for a resident that they cannot evict.
  void evict(EvictableRegistration& registration);

  /// True if `bytes` fit when nothing else is reserved.
  bool fits_budget(const TagBytes& bytes) const { return bytes.total() <= budget_bytes_; }

  std::uint64_t budget_bytes() const { return budget_bytes_; }
  TagBytes held() const;
  std::uint64_t transient_bytes() const;  ///< of `held`: those of requests, without residents
  std::uint64_t peak_bytes() const;       ///< largest total ever held
  MemoryBudgetCounts counts() const;

 private:
  friend class EvictableRegistration;
  friend class Reservation;

  /// The evictables that a caller wants to free.
  struct Victims {
    std::uint64_t bytes;
    const EvictableRegistration* keep = nullptr;
    std::optional<EvictionOrder> order = {};  ///< nothing: of every order
    Evictable::Clock::time_point idle_before = Evictable::Clock::time_point::max();
  };

  std::optional<Reservation> try_reserve(const TagBytes& bytes, Lifetime lifetime,
                                         EvictableRegistration* owner);
  void release(const TagBytes& bytes, Lifetime lifetime, EvictableRegistration* owner);
  void make_resident(std::uint64_t bytes, EvictableRegistration& owner);
  std::list<std::uint64_t>::iterator enter_queue(std::uint64_t held_bytes) OKO_REQUIRES(mutex_);
  /// The end of a turn: a reservation, or nothing if the turn begins again or, with `must_wait`,
  /// has to wait.
  std::optional<Reservation> take_turn(const ReserveRequest& request, const StopToken& stop,
                                       std::list<std::uint64_t>::iterator place, bool& must_wait)
      OKO_REQUIRES(mutex_);
  /// Nothing if `request.on_grant` returns false.
  std::optional<Reservation> grant(const ReserveRequest& request, const TagBytes& bytes)
      OKO_REQUIRES(mutex_);
  void add(const TagBytes& bytes, Lifetime lifetime, EvictableRegistration* owner)
      OKO_REQUIRES(mutex_);
  void count_peak() OKO_REQUIRES(mutex_);
  void note_change() OKO_REQUIRES(mutex_);
  bool has_active_reservations() const OKO_REQUIRES(mutex_);
  std::uint64_t unevictable_bytes(const ReserveRequest& request) const OKO_REQUIRES(mutex_);
  EvictableRegistration* find_victim(const Victims& victims,
                                     const std::vector<EvictableRegistration*>& tried) const
      OKO_REQUIRES(mutex_);
  bool evict_one(const Victims& victims, const StopToken& stop) OKO_REQUIRES(mutex_);
  bool run_eviction(EvictableRegistration& victim, std::uint64_t bytes, const StopToken& stop)
      OKO_REQUIRES(mutex_);

  const std::uint64_t budget_bytes_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  TagBytes held_ OKO_GUARDED_BY(mutex_);
  std::uint64_t transient_bytes_ OKO_GUARDED_BY(mutex_) = 0;  ///< of `held_`
  /// Releases and evictions: reasons to try again.
  std::uint64_t changes_ OKO_GUARDED_BY(mutex_) = 0;
  std::uint64_t peak_bytes_ OKO_GUARDED_BY(mutex_) = 0;
  MemoryBudgetCounts counts_ OKO_GUARDED_BY(mutex_);
  std::vector<EvictableRegistration*> evictables_ OKO_GUARDED_BY(mutex_);
  /// For each call of `reserve` in progress, the bytes that the caller holds while it waits.
  /// Callers that hold none come last; the first has its turn.
  std::list<std::uint64_t> queue_ OKO_GUARDED_BY(mutex_);
  /// Set by the caller that was first when the turn began.
  bool is_turn_taken_ OKO_GUARDED_BY(mutex_) = false;
};

}  // namespace oko::budget
