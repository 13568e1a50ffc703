#pragma once

#include "budget/tag_bytes.h"

namespace oko::budget {

class MemoryBudget;

/// RAII: memory that its owner may use. Any thread may release it; the budget must outlive it.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  void release();
  /// Moves `part`, at most what is held, into a reservation of its own.
  Reservation split(const TagBytes& part);
  const TagBytes& bytes() const { return bytes_; }

 private:
  friend class MemoryBudget;
  Reservation(MemoryBudget& budget, const TagBytes& bytes) : budget_(&budget), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  TagBytes bytes_;
};

}  // namespace oko::budget
