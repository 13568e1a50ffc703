#include "budget/memory_budget.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "budget/memory_size.h"

namespace oko::budget {
namespace {

/// The value of `function`, called without the mutex.
template <typename Function>
auto unlocked(Mutex& mutex, const Function& function) OKO_REQUIRES(mutex) {
  const MutexUnlock unlock(mutex);
  return function();
}

[[noreturn]] void refuse(std::uint64_t bytes, std::uint64_t budget_bytes, std::uint64_t held,
                         const LocalizedText& hint) {
  throw Error(ErrorCode::kOverBudget,
              tr("needs {} of memory; budget {}, {} free",
                 "нужно {} памяти; бюджет — {}, свободно {}", memory_size_text(bytes),
                 memory_limit_text(budget_bytes), memory_limit_text(budget_bytes - held)),
              hint);
}

std::uint64_t held_by(const ReserveRequest& request) {
  if (request.already_held == nullptr) return 0;
  assert(request.already_held->lifetime() == Lifetime::kTransient);
  return request.already_held->bytes().total();
}

}  // namespace

MemoryBudget::~MemoryBudget() {
  assert(evictables_.empty());
}

Reservation MemoryBudget::reserve(const ReserveRequest& request, StopToken stop) {
  const MutexLock lock(mutex_);
  const auto place = enter_queue(held_by(request));
  // Wake the next waiter on every exit path.
  const auto leave = [&](std::uint64_t*) OKO_REQUIRES(mutex_) {
    queue_.erase(place);
    changed_.notify_all();
  };
  const std::unique_ptr<std::uint64_t, decltype(leave)> turn(&*place, leave);
  const auto wait_until = [&](const auto& condition) OKO_REQUIRES(mutex_) {
    if (!changed_.wait(mutex_, stop, condition)) throw_cancelled();
  };
  bool waited = false;
  while (true) {
    wait_until([&]() OKO_REQUIRES(mutex_) { return !is_turn_taken_ && queue_.begin() == place; });
    const std::uint64_t seen = changes_;
    bool must_wait = false;
    if (auto reservation = take_turn(request, stop, place, must_wait)) {
      return std::move(*reservation);
    }
    if (!must_wait) continue;
    if (!std::exchange(waited, true)) ++counts_.waited;
    wait_until([&]() OKO_REQUIRES(mutex_) {
      return changes_ != seen || !has_active_reservations() || queue_.begin() != place;
    });
  }
}

std::optional<Reservation> MemoryBudget::take_turn(const ReserveRequest& request,
                                                   const StopToken& stop,
                                                   std::list<std::uint64_t>::iterator place,
                                                   bool& must_wait) {
  is_turn_taken_ = true;
  const auto end_turn = [this](bool* taken) OKO_REQUIRES(mutex_) {
    *taken = false;
    changed_.notify_all();
  };
  const std::unique_ptr<bool, decltype(end_turn)> my_turn(&is_turn_taken_, end_turn);
  const std::uint64_t seen = changes_;
  const TagBytes size = unlocked(mutex_, request.size);
  const std::uint64_t bytes = size.total();
  const bool can_grant = !request.can_grant || unlocked(mutex_, request.can_grant);
  const bool fits = held_.total() + bytes <= budget_bytes_;
  if (can_grant && fits) return grant(request, size);
  const auto refuse_next_to = [&](std::uint64_t held) OKO_REQUIRES(mutex_) {
    ++counts_.refused;
    refuse(bytes, budget_bytes_, held, request.hint);
  };
  // The size is as old as `seen` and may contain memory that has been reserved since.
  const bool is_up_to_date = changes_ == seen;
  const std::uint64_t stays = unevictable_bytes(request);
  if (is_up_to_date && stays + bytes > budget_bytes_) refuse_next_to(stays);
  const bool evicted =
      !fits && evict_one({held_.total() + bytes - budget_bytes_, request.keep}, stop);
  // A waiter that holds memory may have overtaken us; retry.
  if (evicted || changes_ != seen || queue_.begin() != place) return std::nullopt;
  if (!has_active_reservations()) refuse_next_to(held_.total());
  must_wait = true;
  return std::nullopt;
}

/// Callers that hold memory go before those that hold none.
std::list<std::uint64_t>::iterator MemoryBudget::enter_queue(std::uint64_t held_bytes) {
  const auto before =
      held_bytes > 0 ? std::find(queue_.begin(), queue_.end(), std::uint64_t{0}) : queue_.end();
  changed_.notify_all();  // the others may have waited for this caller
  return queue_.insert(before, held_bytes);
}

std::optional<Reservation> MemoryBudget::grant(const ReserveRequest& request,
                                               const TagBytes& bytes) {
  add(bytes, request.lifetime, nullptr);
  std::optional<Reservation> reservation;
  {
    const MutexUnlock unlock(mutex_);  // an unwanted `offered` locks to be released
    Reservation offered(*this, bytes, request.lifetime);
    if (!request.on_grant || request.on_grant(offered)) reservation = std::move(offered);
  }
  if (reservation) {
    count_peak();
    ++counts_.granted;
  }
  return reservation;
}

std::optional<Reservation> MemoryBudget::try_reserve(const TagBytes& bytes,
                                                     EvictableRegistration& owner) {
  return try_reserve(bytes, Lifetime::kResident, &owner);
}

std::optional<Reservation> MemoryBudget::try_reserve(const TagBytes& bytes) {
  return try_reserve(bytes, Lifetime::kTransient, nullptr);
}

std::optional<Reservation> MemoryBudget::try_reserve(const TagBytes& bytes, Lifetime lifetime,
                                                     EvictableRegistration* owner) {
  const MutexLock lock(mutex_);
  if (!queue_.empty() || held_.total() + bytes.total() > budget_bytes_) return std::nullopt;
  add(bytes, lifetime, owner);
  count_peak();
  return Reservation(*this, bytes, lifetime, owner);
}

void MemoryBudget::add(const TagBytes& bytes, Lifetime lifetime, EvictableRegistration* owner) {
  held_ += bytes;
  if (lifetime == Lifetime::kTransient) transient_bytes_ += bytes.total();
  if (owner != nullptr) owner->bytes_ += bytes.total();
}

void MemoryBudget::count_peak() {
  peak_bytes_ = std::max(peak_bytes_, held_.total());
  counts_.peak.max_with(held_);
}

void MemoryBudget::note_change() {
  ++changes_;
  changed_.notify_all();
}

void MemoryBudget::release(const TagBytes& bytes, Lifetime lifetime, EvictableRegistration* owner) {
  const MutexLock lock(mutex_);
  held_ -= bytes;
  if (lifetime == Lifetime::kTransient) {
    assert(transient_bytes_ >= bytes.total());
    transient_bytes_ -= bytes.total();
  }
  if (owner != nullptr) {
    assert(owner->bytes_ >= bytes.total());
    owner->bytes_ -= bytes.total();
  }
  note_change();
}

void MemoryBudget::make_resident(std::uint64_t bytes, EvictableRegistration& owner) {
  const MutexLock lock(mutex_);
  transient_bytes_ -= bytes;
  owner.bytes_ += bytes;
  note_change();
}

/// True if work that does not wait holds memory that it will release.
bool MemoryBudget::has_active_reservations() const {
  const std::uint64_t waiting = std::accumulate(queue_.begin(), queue_.end(), std::uint64_t{0});
  return transient_bytes_ > waiting;
}

/// Bytes that remain after all others have released and all evictables are evicted.
std::uint64_t MemoryBudget::unevictable_bytes(const ReserveRequest& request) const {
  std::uint64_t bytes = held_.total() - transient_bytes_;
  for (const EvictableRegistration* each : evictables_) {
    assert(bytes >= each->bytes_);
    if (each != request.keep || each->is_evicting_) bytes -= each->bytes_;
  }
  return bytes + held_by(request);
}

EvictableRegistration* MemoryBudget::find_victim(
    const Victims& victims, const std::vector<EvictableRegistration*>& tried) const {
  EvictableRegistration* first = nullptr;
  Evictable::Clock::time_point first_idle_since;
  for (EvictableRegistration* each : evictables_) {
    const EvictionOrder order = each->evictable_.order();
    if (each == victims.keep || each->is_evicting_ || each->bytes_ == 0) continue;
    if (victims.order && *victims.order != order) continue;
    if (std::find(tried.begin(), tried.end(), each) != tried.end()) continue;
    const auto idle_since = each->evictable_.idle_since();
    if (!idle_since || *idle_since >= victims.idle_before) continue;
    if (first == nullptr ||
        std::pair(order, *idle_since) < std::pair(first->evictable_.order(), first_idle_since)) {
      first = each;
      first_idle_since = *idle_since;
    }
  }
  return first;
}

/// Returns false if nothing was evicted. An eviction in progress on another thread also counts.
bool MemoryBudget::evict_one(const Victims& victims, const StopToken& stop) {
  std::vector<EvictableRegistration*> tried;
  while (EvictableRegistration* victim = find_victim(victims, tried)) {
    if (run_eviction(*victim, victims.bytes, stop)) {
      ++counts_.evicted;
      return true;
    }
    tried.push_back(victim);
  }
  const auto is_evicting = [&]() OKO_REQUIRES(mutex_) {
    return std::any_of(evictables_.begin(), evictables_.end(),
                       [](const EvictableRegistration* each) { return each->is_evicting_; });
  };
  if (!is_evicting()) return false;
  const std::uint64_t seen = changes_;
  const auto is_over = [&]() OKO_REQUIRES(mutex_) { return changes_ != seen || !is_evicting(); };
  if (!changed_.wait(mutex_, stop, is_over)) throw_cancelled();
  return true;
}

bool MemoryBudget::run_eviction(EvictableRegistration& victim, std::uint64_t bytes,
                                const StopToken& stop) {
  victim.is_evicting_ = true;
  bool evicted = false;
  const auto end = [&](EvictableRegistration* each) OKO_REQUIRES(mutex_) {
    each->is_evicting_ = false;
    if (evicted) ++changes_;
    changed_.notify_all();
  };
  const std::unique_ptr<EvictableRegistration, decltype(end)> eviction(&victim, end);
  evicted = unlocked(mutex_, [&] { return victim.evictable_.evict(bytes, stop); });
  return evicted;
}

void MemoryBudget::evict(EvictableRegistration& registration) {
  const MutexLock lock(mutex_);
  changed_.wait(mutex_, [&] { return !registration.is_evicting_; });
  run_eviction(registration, std::numeric_limits<std::uint64_t>::max(), {});
}

void MemoryBudget::evict_idle(EvictionOrder order, Evictable::Clock::time_point before,
                              const StopToken& stop, const EvictableRegistration* keep) {
  const MutexLock lock(mutex_);
  const Victims victims{std::numeric_limits<std::uint64_t>::max(), keep, order, before};
  while (evict_one(victims, stop)) {
  }
}

EvictableRegistration::EvictableRegistration(MemoryBudget& budget, Evictable& evictable)
    : budget_(budget), evictable_(evictable) {
  const MutexLock lock(budget.mutex_);
  budget.evictables_.push_back(this);
}

EvictableRegistration::~EvictableRegistration() {
  const MutexLock lock(budget_.mutex_);
  budget_.changed_.wait(budget_.mutex_, [&] { return !is_evicting_; });
  assert(bytes_ == 0);
  std::erase(budget_.evictables_, this);
}

std::uint64_t EvictableRegistration::bytes() const {
  const MutexLock lock(budget_.mutex_);
  return bytes_;
}

TagBytes MemoryBudget::held() const {
  const MutexLock lock(mutex_);
  return held_;
}

std::uint64_t MemoryBudget::transient_bytes() const {
  const MutexLock lock(mutex_);
  return transient_bytes_;
}

MemoryBudgetCounts MemoryBudget::counts() const {
  const MutexLock lock(mutex_);
  return counts_;
}

std::uint64_t MemoryBudget::peak_bytes() const {
  const MutexLock lock(mutex_);
  return peak_bytes_;
}

}  // namespace oko::budget
