#include "budget/ledger.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/language.h"

namespace oko::budget {

std::string_view name_of(Tag tag) {
  constexpr std::array<std::string_view, kTagCount> kNames = {
      "weights", "image", "vision", "prefill", "kv", "embed", "ocr"};
  return kNames[static_cast<std::size_t>(tag)];
}

std::uint64_t TagBytes::total() const {
  return std::accumulate(bytes_.begin(), bytes_.end(), std::uint64_t{0});
}

Lease::Lease(Lease&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)), bytes_(other.bytes_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  ledger_ = std::exchange(other.ledger_, nullptr);
  bytes_ = other.bytes_;
  return *this;
}

void Lease::release() {
  if (ledger_ != nullptr) std::exchange(ledger_, nullptr)->give_back(bytes_);
}

namespace {

bool evict_unlocked(const Ledger::Evict& evict, std::unique_lock<std::mutex>& lock) {
  if (!evict) return false;
  lock.unlock();
  const auto relock = [](std::unique_lock<std::mutex>* unlocked) { unlocked->lock(); };
  const std::unique_ptr<std::unique_lock<std::mutex>, decltype(relock)> afterwards(&lock, relock);
  return evict();
}

}  // namespace

Lease Ledger::take(const TagBytes& bytes, const Evict& evict, const std::string& hint,
                   std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const auto place = queue_.insert(queue_.end(), 0);
  // Whoever leaves, with a lease or without, lets the next one try.
  const auto leave = [&](int*) {
    queue_.erase(place);
    changed_.notify_all();
  };
  const std::unique_ptr<int, decltype(leave)> turn(&*place, leave);
  const auto wait_until = [&](const auto& condition) {
    if (changed_.wait(lock, stop, condition)) return;
    throw Error(ErrorCode::kCancelled, tr("stopped", "остановлено"));
  };
  wait_until([&] { return queue_.begin() == place; });
  while (held_.total() + bytes.total() > budget_bytes_) {
    if (evict_unlocked(evict, lock) || held_.total() + bytes.total() <= budget_bytes_) continue;
    if (held_.total() == held_[Tag::kWeights]) {
      throw Error(
          ErrorCode::kOverBudget,
          tr("this needs {} of memory, and of the budget of {} {} are free",
             "для этого нужно {} памяти, а из бюджета {} свободно {}", format_bytes(bytes.total()),
             format_bytes(budget_bytes_), format_bytes(budget_bytes_ - held_.total())),
          hint);
    }
    const std::uint64_t before = held_.total();
    wait_until([&] { return held_.total() < before; });
  }
  for (std::size_t i = 0; i < kTagCount; ++i) held_[Tag(i)] += bytes[Tag(i)];
  peak_bytes_ = std::max(peak_bytes_, held_.total());
  return Lease(*this, bytes);
}

void Ledger::give_back(const TagBytes& bytes) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kTagCount; ++i) held_[Tag(i)] -= bytes[Tag(i)];
  changed_.notify_all();
}

TagBytes Ledger::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::uint64_t Ledger::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace oko::budget
