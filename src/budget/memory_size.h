#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace oko::budget {

/// "8GB", "8 G", "1.5GiB", "700MB": an amount of memory as memory is sold, in powers of 1024.
/// Throws kUsage for anything else, for 0, and beyond 1024 TB.
std::uint64_t parse_memory_size(std::string_view text);

/// The least amount of that form that is not less than `bytes`: "632MB", "5GB".
std::string memory_size_text(std::uint64_t bytes);

/// An available amount in the same form, to compare with a needed one and to type: the largest
/// amount that is not more than `bytes`.
std::string memory_limit_text(std::uint64_t bytes);

/// "use budget 632MB", for work that takes `bytes` of a whole budget.
LocalizedText budget_hint(std::uint64_t bytes);

/// The refusal (kOverBudget) of work that takes more than the whole budget.
class OverBudget : public Error {
 public:
  /// With `budget_hint`, or a hint that names more options.
  OverBudget(std::uint64_t least_bytes, std::uint64_t budget_bytes);
  OverBudget(std::uint64_t least_bytes, std::uint64_t budget_bytes, const LocalizedText& hint);

  std::uint64_t least_bytes() const { return least_bytes_; }  ///< the least sufficient budget

 private:
  std::uint64_t least_bytes_;
};

}  // namespace oko::budget
