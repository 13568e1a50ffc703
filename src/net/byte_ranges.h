#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace oko::net {

struct ByteRange {
  std::uint64_t begin = 0;  ///< first byte
  std::uint64_t end = 0;    ///< behind the last byte

  std::uint64_t size() const { return end - begin; }
  bool operator==(const ByteRange&) const = default;
};

/// A set of bytes of a file, as ranges that do not touch.
class ByteRanges {
 public:
  /// Ranges may overlap; an empty one adds nothing.
  void add(ByteRange range);

  std::uint64_t total() const { return total_; }  ///< bytes

  /// The end of the range that has byte `begin`; `begin` if none has it.
  std::uint64_t end_from(std::uint64_t begin) const;

  /// The first bytes that are missing in a file of `size` bytes, at most `most`.
  std::optional<ByteRange> first_gap(std::uint64_t size, std::uint64_t most) const;

  std::vector<ByteRange> ranges() const;

 private:
  std::map<std::uint64_t, std::uint64_t> ends_;  ///< by their begins
  std::uint64_t total_ = 0;
};

}  // namespace oko::net
