#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace oko::budget {

/// Parses "8GB", "8 G", "1.5GiB", "1,5GB", "700MB", "8 ГБ": an amount of memory in powers of 1024,
/// as memory is sold. Throws kUsage for anything else, for 0, and beyond 1024 TB.
std::uint64_t parse_memory_size(std::string_view text);

/// `bytes` in that form, rounded up: "632MB", "5GB".
std::string memory_size_text(std::uint64_t bytes);

/// `bytes` in that form, rounded down: an available amount, to compare with a needed one and to
/// type.
std::string memory_limit_text(std::uint64_t bytes);

/// `bytes` in that unit for people, rounded: "632 MB", "5 GB", "4.7 GB"; in Russian "4,7 ГБ".
LocalizedText memory_text(std::uint64_t bytes);

/// "use budget 632MB", for work that needs `bytes`.
LocalizedText budget_hint(std::uint64_t bytes);

/// The refusal (kOverBudget) of work that needs more than the whole budget.
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
