#include "budget/ledger.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/language.h"
#include "budget/memory_size.h"

namespace oko::budget {

std::string_view name_of(Tag tag) {
  constexpr std::array<std::string_view, kTagCount> kNames = {
      "weights", "image", "vision", "prefill", "kv", "embed", "ocr"};
  return kNames[static_cast<std::size_t>(tag)];
}

std::uint64_t TagBytes::total() const {
  return std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0});
}

TagBytes& TagBytes::operator+=(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] += other.bytes_[i];
  return *this;
}

TagBytes& TagBytes::operator-=(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] -= other.bytes_[i];
  return *this;
}

void TagBytes::raise_to(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] = std::max(bytes_[i], other.bytes_[i]);
}

void TagBytes::lower_by(const TagBytes& other) {
  for (std::size_t i = 0; i < kTagCount; ++i) bytes_[i] -= std::min(bytes_[i], other.bytes_[i]);
}

Lease::Lease(Lease&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  ledger_ = std::exchange(other.ledger_, nullptr);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void Lease::release() {
  if (ledger_ != nullptr) std::exchange(ledger_, nullptr)->give_back(std::exchange(bytes_, {}));
}

Lease Lease::split(const TagBytes& part) {
  bytes_ -= part;
  return Lease(*ledger_, part);
}

namespace {

/// Calls without the lock, which is held again afterwards, whatever happens.
template <typename Function>
auto unlocked(std::unique_lock<std::mutex>& lock, const Function& function) {
  lock.unlock();
  const auto relock = [](std::unique_lock<std::mutex>* held) { held->lock(); };
  const std::unique_ptr<std::unique_lock<std::mutex>, decltype(relock)> afterwards(&lock, relock);
  return function();
}

[[noreturn]] void refuse(const TagBytes& bytes, std::uint64_t budget_bytes, std::uint64_t held,
                         const std::string& hint) {
  throw Error(
      ErrorCode::kOverBudget,
      tr("this needs {} of memory, and of the budget of {} {} are free",
         "для этого нужно {} памяти, а из бюджета {} свободно {}", memory_size_text(bytes.total()),
         memory_limit_text(budget_bytes), memory_limit_text(budget_bytes - held)),
      hint);
}

}  // namespace

Lease Ledger::take(const Ask& ask, StopToken stop) {
  std::unique_lock lock(mutex_);
  const auto place = enter(ask.holding != nullptr ? ask.holding->bytes().total() : 0);
  // Whoever leaves, with a lease or without, lets the next one try.
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
    const TagBytes bytes = unlocked(lock, ask.wanted);
    const bool ready = !ask.ready || unlocked(lock, ask.ready);
    if (ready && held_.total() + bytes.total() <= budget_bytes_) {
      if (std::optional<Lease> lease = grant(ask, bytes, lock)) return std::move(*lease);
      continue;
    }
    const bool evicted = ask.evict && unlocked(lock, [&] { return ask.evict(stop); });
    // Who has come to the front meanwhile may have something to give back.
    if (evicted || held_.total() < before || queue_.begin() != place) continue;
    if (!is_anyone_at_work()) {
      ++counts_.refused;
      refuse(bytes, budget_bytes_, before, ask.hint);
    }
    if (!std::exchange(waited, true)) ++counts_.waited;
    my_turn.reset();
    wait_until(
        [&] { return held_.total() < before || !is_anyone_at_work() || queue_.begin() != place; });
  }
}

/// Those who keep something come before those who do not. With the lock.
std::list<std::uint64_t>::iterator Ledger::enter(std::uint64_t kept_bytes) {
  const auto before =
      kept_bytes > 0 ? std::find(queue_.begin(), queue_.end(), std::uint64_t{0}) : queue_.end();
  changed_.notify_all();  // whoever waits may have waited for this caller
  return queue_.insert(before, kept_bytes);
}

std::optional<Lease> Ledger::grant(const Ask& ask, const TagBytes& bytes,
                                   std::unique_lock<std::mutex>& lock) {
  held_ += bytes;
  std::optional<Lease> lease(Lease(*this, bytes));
  if (ask.granted) {
    lock.unlock();  // a lease that is not wanted is given back, which takes the lock
    if (!ask.granted(*lease)) lease.reset();
    lock.lock();
  }
  if (lease) {
    peak_bytes_ = std::max(peak_bytes_, held_.total());
    counts_.peak.raise_to(held_);
    ++counts_.granted;
  }
  return lease;
}

bool Ledger::is_anyone_at_work() const {
  const std::uint64_t waiting = std::accumulate(queue_.begin(), queue_.end(), std::uint64_t{0});
  return held_.total() > held_[Tag::kWeights] + waiting;
}

void Ledger::give_back(const TagBytes& bytes) {
  const std::lock_guard lock(mutex_);
  held_ -= bytes;
  changed_.notify_all();
}

TagBytes Ledger::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

LedgerCounts Ledger::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::uint64_t Ledger::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace oko::budget
