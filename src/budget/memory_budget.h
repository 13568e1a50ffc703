#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "base/stop_token.h"
#include "budget/reservation.h"
#include "budget/tag_bytes.h"

namespace oko::budget {

/// What a budget has done since it was made, for the statistics of a server.
struct MemoryBudgetCounts {
  std::uint64_t granted = 0;
  std::uint64_t waited = 0;   ///< requests, granted or refused, that waited for a release
  std::uint64_t refused = 0;  ///< over the budget
  TagBytes peak;              ///< of each tag by itself
};

/// The callbacks run during the caller's turn, without the budget's lock.
struct ReserveRequest {
  /// The size as things stand; re-evaluated after every change.
  std::function<TagBytes()> size;
  /// Extra condition for granting; re-evaluated after every change. Empty: always true.
  std::function<bool()> can_grant = {};
  /// Evicts one cache entry or idle model; returns false if nothing can be evicted. May be empty.
  std::function<bool(const StopToken&)> evict = {};
  /// Called with the reservation before the next turn. Returns false if the size has changed since
  /// it was evaluated: the request starts again. Must not throw; may be empty.
  std::function<bool(Reservation&)> on_grant = {};
  std::string hint = {};  ///< of the refusal: what the user can change
  /// What the caller keeps while it waits; null: nothing.
  const Reservation* already_held = nullptr;
};

/// Tracks memory reservations against the budget. Work reserves before it allocates, so that the
/// total never exceeds the budget. Any thread may call.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Evicts, then waits until other work releases. First come, first served, but callers that hold
  /// memory while they wait go before those that hold none. Throws kOverBudget, with the numbers
  /// and the hint, if it does not fit and no active reservation is left to wait for; kCancelled.
  Reservation reserve(const ReserveRequest& request, StopToken stop = {});

  /// True if `bytes` fit when nothing else is reserved.
  bool fits_budget(const TagBytes& bytes) const { return bytes.total() <= budget_bytes_; }

  std::uint64_t budget_bytes() const { return budget_bytes_; }
  TagBytes held() const;
  std::uint64_t peak_bytes() const;  ///< largest total ever held
  MemoryBudgetCounts counts() const;

 private:
  friend class Reservation;
  void release(const TagBytes& bytes);
  std::list<std::uint64_t>::iterator enter_queue(std::uint64_t held_bytes);
  /// Nothing if `request.on_grant` returns false.
  std::optional<Reservation> grant(const ReserveRequest& request, const TagBytes& bytes,
                                   std::unique_lock<std::mutex>& lock);
  /// True if work that does not wait holds more than weights. Requires the lock.
  bool has_active_reservations() const;

  const std::uint64_t budget_bytes_;
  mutable std::mutex mutex_;
  ConditionVariable changed_;
  TagBytes held_;
  std::uint64_t peak_bytes_ = 0;
  MemoryBudgetCounts counts_;
  /// For each call of `reserve` under way: the bytes that the caller holds while it waits. Callers
  /// that hold none come last; the first has its turn.
  std::list<std::uint64_t> queue_;
  bool is_turn_taken_ = false;  ///< by the caller that was first when the turn began
};

}  // namespace oko::budget
