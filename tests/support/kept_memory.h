#pragma once

#include <cstdint>

namespace oko {

/// Bytes of freed memory that stay with the process: AddressSanitizer keeps 256 MB to catch later
/// uses, and macOS counts memory freed to its malloc in phys_footprint. Bounds of growth add them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)  // clang's word for gcc's __SANITIZE_ADDRESS__
#define OKO_ADDRESS_SANITIZER
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(OKO_ADDRESS_SANITIZER) || defined(__APPLE__)
inline constexpr std::uint64_t kKeptFreedBytes = 400'000'000;
#else
inline constexpr std::uint64_t kKeptFreedBytes = 0;
#endif

}  // namespace oko
