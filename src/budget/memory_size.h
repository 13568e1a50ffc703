#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace oko::budget {

/// "8GB", "8 G", "1.5GiB", "700MB": an amount of memory as memory is sold, in powers of 1024.
/// Throws kUsage for anything else, for 0, and beyond 1024 TB.
std::uint64_t parse_memory_size(std::string_view text);

/// The least amount of that form that is not less than `bytes`: "632MB".
std::string memory_size_text(std::uint64_t bytes);

}  // namespace oko::budget
