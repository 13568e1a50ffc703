#include "base/file_identity.h"

#include <algorithm>
#include <limits>

namespace oko {
namespace {

/// The time of the last change, whose name POSIX and macOS do not share.
template <typename Info>
const timespec& modified(const Info& info) {
  if constexpr (requires { info.st_mtimespec; }) {
    return info.st_mtimespec;
  } else {
    return info.st_mtim;
  }
}

}  // namespace

FileIdentity identity_of(const struct stat& info) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kSecond - 1;
  const timespec& time = modified(info);
  // File systems keep times beyond 2262 and before 1677, which nanoseconds do not reach.
  const std::int64_t seconds = std::clamp<std::int64_t>(time.tv_sec, -kMost, kMost);
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
          static_cast<std::uint64_t>(info.st_size), seconds * kSecond + time.tv_nsec};
}

}  // namespace oko
