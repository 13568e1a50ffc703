#pragma once

#include <cstdint>

namespace oko {

/// Bytes of freed memory that stay with the process: AddressSanitizer keeps 256 MB to catch later
/// uses of it. Bounds of growth add them.
#ifdef __SANITIZE_ADDRESS__
inline constexpr std::uint64_t kKeptFreedBytes = 400'000'000;
#else
inline constexpr std::uint64_t kKeptFreedBytes = 0;
#endif

}  // namespace oko
