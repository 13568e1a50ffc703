#pragma once

#include <cstddef>
#include <cstdint>

#include "base/mutex.h"
#include "base/stop_token.h"
#include "budget/memory_budget.h"
#include "document/pages.h"
#include "engine/plan.h"
#include "ocr/memory_estimate.h"

namespace oko::tasks {

/// The budget of all pages: each reserves its memory before it is loaded.
class PageBudget {
 public:
  /// Bytes of the program with one engine, without a page.
  static constexpr std::uint64_t kAlone = engine::runtime_bytes(false) + ocr::kEngineBytes;

  /// `pages` must outlive it. `beside`: bytes of the budget that are not for pages.
  PageBudget(std::uint64_t budget, document::Pages& pages, std::uint64_t beside = 0);

  /// Pages of A4 that are read at once within a budget, 1..`wanted`.
  static std::size_t pages_within(std::uint64_t budget, std::size_t wanted);

  /// The number of pages to read at once, 1..`wanted`, and reserves the memory of as many engines.
  /// Leaves room for the largest readable page, and for as many pages of A4 without waiting. Call
  /// it once, before `reserve`. Throws kCancelled.
  std::size_t share(std::size_t wanted, const StopToken& stop);

  /// Reserves the memory of page `i`; any thread may call. Throws kOverBudget with the least
  /// sufficient budget, kCancelled, and as Pages::memory_of.
  budget::Reservation reserve(std::size_t i, const StopToken& stop);

  /// The least budget for all pages that did not fit; 0: all did.
  std::uint64_t least_budget() const {
    const MutexLock lock(mutex_);
    return least_budget_;
  }

 private:
  budget::TagBytes memory_of(std::size_t i);
  std::uint64_t largest_page(const StopToken& stop);

  std::uint64_t whole_, beside_;
  std::uint64_t budget_;  ///< for pages
  document::Pages& pages_;
  budget::MemoryBudget memory_budget_;
  mutable Mutex mutex_;
  std::uint64_t least_budget_ OKO_GUARDED_BY(mutex_) = 0;
  budget::Reservation engines_;
};

}  // namespace oko::tasks
