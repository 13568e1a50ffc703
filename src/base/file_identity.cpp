#include "base/file_identity.h"

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
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
          static_cast<std::uint64_t>(info.st_size),
          modified(info).tv_sec * kSecond + modified(info).tv_nsec};
}

}  // namespace oko
