#include "tasks/page_budget.h"

#include <algorithm>

#include "base/error.h"
#include "budget/memory_size.h"

namespace oko::tasks {

PageBudget::PageBudget(std::uint64_t budget, document::Pages& pages, std::uint64_t beside)
    : whole_(budget),
      beside_(beside),
      budget_(budget - std::min(budget, beside)),
      pages_(pages),
      memory_budget_(std::max(budget_, kAlone)) {}

namespace {

/// Bytes of the budget without the program itself.
std::uint64_t room_in(std::uint64_t budget) {
  return budget - std::min(budget, engine::runtime_bytes(false));
}

}  // namespace

std::size_t PageBudget::pages_within(std::uint64_t budget, std::size_t wanted) {
  const std::uint64_t fit = room_in(budget) / (ocr::kEngineBytes + ocr::kPageBytes);
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(fit, 1, wanted));
}

std::size_t PageBudget::share(std::size_t wanted, const StopToken& stop) {
  std::uint64_t threads = pages_within(budget_, std::max<std::size_t>(wanted, 1));
  if (threads > 1) {
    threads = std::min(threads, (room_in(budget_) - largest_page(stop)) / ocr::kEngineBytes);
  }
  threads = std::max<std::uint64_t>(threads, 1);
  budget::TagBytes bytes;
  bytes[budget::Tag::kRuntime] = engine::runtime_bytes(false) + threads * ocr::kEngineBytes;
  engines_ = memory_budget_.reserve(
      {.size = [&] { return bytes; }, .lifetime = budget::Lifetime::kResident}, stop);
  return static_cast<std::size_t>(threads);
}

budget::Reservation PageBudget::reserve(std::size_t i, const StopToken& stop) {
  const budget::TagBytes bytes = memory_of(i);
  const std::uint64_t least = kAlone + bytes.total();
  if (least > budget_) {
    const budget::OverBudget error(least + beside_, whole_);
    throw Error(error.code(), pages_.name(i) + ": " + error.message(), error.hint());
  }
  return memory_budget_.reserve({.size = [&] { return bytes; }}, stop);
}

/// Serialized: reads the file header before memory is reserved.
budget::TagBytes PageBudget::memory_of(std::size_t i) {
  const MutexLock lock(mutex_);
  const budget::TagBytes bytes = pages_.memory_of(i);
  const std::uint64_t least = kAlone + bytes.total();
  if (least > budget_) least_budget_ = std::max(least_budget_, least + beside_);
  return bytes;
}

/// Bytes of the largest page that can be read at all.
std::uint64_t PageBudget::largest_page(const StopToken& stop) {
  std::uint64_t largest = 0;
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    throw_if_stopped(stop);
    try {
      const std::uint64_t bytes = memory_of(i).total();
      if (kAlone + bytes <= budget_) largest = std::max(largest, bytes);
    } catch (const Error&) {
      continue;  // loading the page throws it again
    }
  }
  return largest;
}

}  // namespace oko::tasks
