#include "budget/memory_budget.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "budget/memory_size.h"

namespace oko::budget {

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void Reservation::release() {
  if (budget_ != nullptr) std::exchange(budget_, nullptr)->release(std::exchange(bytes_, {}));
}

Reservation Reservation::split(const TagBytes& part) {
  bytes_ -= part;
  return Reservation(*budget_, part);
}

namespace {

/// Calls `function` without the lock and takes the lock again on every exit path.
template <typename Function>
auto unlocked(std::unique_lock<std::mutex>& lock, const Function& function) {
  lock.unlock();
  const auto relock = [](std::unique_lock<std::mutex>* held) { held->lock(); };
  const std::unique_ptr<std::unique_lock<std::mutex>, decltype(relock)> afterwards(&lock, relock);
  return function();
}

[[noreturn]] void refuse(const TagBytes& bytes, std::uint64_t budget_bytes, std::uint64_t held,
                         const std::string& hint) {
  throw Error(ErrorCode::kOverBudget,
              tr("needs {} of memory; budget {}, {} free",
                 "нужно {} памяти; бюджет — {}, свободно {}", memory_size_text(bytes.total()),
                 memory_limit_text(budget_bytes), memory_limit_text(budget_bytes - held)),
              hint);
}

}  // namespace

Reservation MemoryBudget::reserve(const ReserveRequest& request, StopToken stop) {
  std::unique_lock lock(mutex_);
  const auto place =
      enter_queue(request.already_held != nullptr ? request.already_held->bytes().total() : 0);
  // Wake the next waiter on every exit path.
  const auto leave = [&](std::uint64_t*) {
    queue_.erase(place);
    changed_.notify_all();
  };
  const std::unique_ptr<std::uint64_t, decltype(leave)> turn(&*place, leave);
  const auto wait_until = [&](const auto& condition) {
    if (changed_.wait(lock, stop, condition)) return;
    throw_cancelled();
  };
  bool waited = false;
  while (true) {
    wait_until([&] { return !is_turn_taken_ && queue_.begin() == place; });
    is_turn_taken_ = true;
    const auto end_turn = [this](bool* taken) {
      *taken = false;
      changed_.notify_all();
    };
    std::unique_ptr<bool, decltype(end_turn)> my_turn(&is_turn_taken_, end_turn);
    const std::uint64_t before = held_.total();
    const TagBytes bytes = unlocked(lock, request.size);
    const bool can_grant = !request.can_grant || unlocked(lock, request.can_grant);
    if (can_grant && held_.total() + bytes.total() <= budget_bytes_) {
      if (std::optional<Reservation> reservation = grant(request, bytes, lock)) {
        return std::move(*reservation);
      }
      continue;
    }
    const bool evicted = request.evict && unlocked(lock, [&] { return request.evict(stop); });
    // A waiter that holds memory may have overtaken us; retry.
    if (evicted || held_.total() < before || queue_.begin() != place) continue;
    if (!has_active_reservations()) {
      ++counts_.refused;
      refuse(bytes, budget_bytes_, before, request.hint);
    }
    if (!std::exchange(waited, true)) ++counts_.waited;
    my_turn.reset();
    wait_until([&] {
      return held_.total() < before || !has_active_reservations() || queue_.begin() != place;
    });
  }
}

/// Callers that hold memory go before those that hold none. Requires the lock.
std::list<std::uint64_t>::iterator MemoryBudget::enter_queue(std::uint64_t held_bytes) {
  const auto before =
      held_bytes > 0 ? std::find(queue_.begin(), queue_.end(), std::uint64_t{0}) : queue_.end();
  changed_.notify_all();  // the others may have waited for this caller
  return queue_.insert(before, held_bytes);
}

std::optional<Reservation> MemoryBudget::grant(const ReserveRequest& request, const TagBytes& bytes,
                                               std::unique_lock<std::mutex>& lock) {
  held_ += bytes;
  std::optional<Reservation> reservation(Reservation(*this, bytes));
  if (request.on_grant) {
    lock.unlock();  // a reservation that is not wanted is released, which takes the lock
    if (!request.on_grant(*reservation)) reservation.reset();
    lock.lock();
  }
  if (reservation) {
    peak_bytes_ = std::max(peak_bytes_, held_.total());
    counts_.peak.max_with(held_);
    ++counts_.granted;
  }
  return reservation;
}

bool MemoryBudget::has_active_reservations() const {
  const std::uint64_t waiting = std::accumulate(queue_.begin(), queue_.end(), std::uint64_t{0});
  return held_.total() > held_[Tag::kWeights] + waiting;
}

void MemoryBudget::release(const TagBytes& bytes) {
  const std::lock_guard lock(mutex_);
  held_ -= bytes;
  changed_.notify_all();
}

TagBytes MemoryBudget::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

MemoryBudgetCounts MemoryBudget::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::uint64_t MemoryBudget::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace oko::budget
