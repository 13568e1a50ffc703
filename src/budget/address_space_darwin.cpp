#include "budget/address_space.h"

namespace oko::budget {

std::optional<AddressSpace> address_space() {
  return std::nullopt;
}

std::uint64_t memory_within(std::uint64_t left, std::size_t) {
  return left;
}

}  // namespace oko::budget
