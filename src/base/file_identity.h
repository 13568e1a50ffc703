#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace oko {

/// The identity of a version of a file, known without reading it.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;        ///< bytes
  std::int64_t modified_ns = 0;  ///< nanoseconds since 1970, from 1677 to 2262
  bool operator==(const FileIdentity&) const = default;
};

/// Of what `stat` or `fstat` tells.
FileIdentity identity_of(const struct stat& info);

}  // namespace oko
