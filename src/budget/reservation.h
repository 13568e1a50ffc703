#pragma once

#include "budget/tag_bytes.h"

namespace oko::budget {

class EvictableRegistration;
class MemoryBudget;

/// The lifetime of a reservation.
enum class Lifetime {
  kTransient,  ///< until a request is done: others wait for it
  kResident,   ///< until its owner ends or it is evicted: requests do not wait for it
};

/// RAII: memory that its owner may use. Any thread may release it; the budget must outlive it.
///
///     empty --- MemoryBudget::reserve ---> held --- release, destructor, moved from ---> empty
///                                           |
///                                           +--- split: a part becomes a reservation of its own
///                                           +--- merge: adds another one
///
/// Only the second `split` makes a part of a transient one resident.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation() { release(); }

  void release();
  /// Moves `part`, at most the held bytes, into a reservation of its own.
  Reservation split(const TagBytes& part);
  /// The same, and makes the part resident: it is evicted with `owner`.
  Reservation split(const TagBytes& part, EvictableRegistration& owner);
  /// Takes over `other`, which is empty or of the same budget, lifetime and owner.
  void merge(Reservation other);
  const TagBytes& bytes() const { return bytes_; }
  Lifetime lifetime() const { return lifetime_; }

 private:
  friend class MemoryBudget;
  Reservation(MemoryBudget& budget, const TagBytes& bytes, Lifetime lifetime,
              EvictableRegistration* owner = nullptr)
      : budget_(&budget), owner_(owner), lifetime_(lifetime), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  EvictableRegistration* owner_ = nullptr;  ///< null if it cannot be evicted
  Lifetime lifetime_ = Lifetime::kTransient;
  TagBytes bytes_;
};

}  // namespace oko::budget
