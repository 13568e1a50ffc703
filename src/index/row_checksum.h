#pragma once

#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace oko::index {

/// The checksum of a row's values, XXH3-64, which tells bytes that have changed on the disk.
class RowChecksum {
 public:
  RowChecksum& add(std::string_view bytes) {
    value_ = ::XXH3_64bits_withSeed(bytes.data(), bytes.size(), value_);
    return *this;
  }
  RowChecksum& add(std::int64_t number) {
    return add({reinterpret_cast<const char*>(&number), sizeof(number)});
  }

  /// As SQLite keeps it.
  std::int64_t value() const { return static_cast<std::int64_t>(value_); }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace oko::index
