#include "budget/reservation.h"

#include <cassert>
#include <utility>

#include "budget/memory_budget.h"

namespace oko::budget {

Reservation::Reservation(Reservation&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      owner_(std::exchange(other.owner_, nullptr)),
      lifetime_(other.lifetime_),
      bytes_(std::exchange(other.bytes_, {})) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  owner_ = std::exchange(other.owner_, nullptr);
  lifetime_ = other.lifetime_;
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void Reservation::release() {
  if (budget_ == nullptr) return;
  budget_->release(bytes_, lifetime_, owner_);
  budget_ = nullptr;
  owner_ = nullptr;
  bytes_ = {};
}

void Reservation::merge(Reservation other) {
  if (other.budget_ == nullptr) return;
  if (budget_ == nullptr) {
    *this = std::move(other);
    return;
  }
  assert(budget_ == other.budget_ && lifetime_ == other.lifetime_ && owner_ == other.owner_);
  bytes_ += other.bytes_;
  other.budget_ = nullptr;
}

Reservation Reservation::split(const TagBytes& part) {
  bytes_ -= part;
  return Reservation(*budget_, part, lifetime_, owner_);
}

Reservation Reservation::split(const TagBytes& part, EvictableRegistration& owner) {
  assert(lifetime_ == Lifetime::kTransient);
  bytes_ -= part;
  budget_->make_resident(part.total(), owner);
  return Reservation(*budget_, part, Lifetime::kResident, &owner);
}

}  // namespace oko::budget
