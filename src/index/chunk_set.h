#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "index/library.h"

namespace oko::index {

/// A set of chunks, as ranges of ids.
class ChunkSet {
 public:
  struct Range {
    ChunkId first = 0;
    ChunkId last = 0;  ///< behind it
  };

  /// Ranges come by rising id and do not overlap.
  void add(ChunkId first, std::int64_t count) {
    if (count <= 0) return;
    count_ += static_cast<std::uint64_t>(count);
    if (!ranges_.empty() && ranges_.back().last == first) {
      ranges_.back().last += count;
    } else {
      ranges_.push_back({first, first + count});
    }
  }

  bool contains(ChunkId chunk) const {
    const auto after =
        std::upper_bound(ranges_.begin(), ranges_.end(), chunk,
                         [](ChunkId id, const Range& range) { return id < range.first; });
    return after != ranges_.begin() && chunk < std::prev(after)->last;
  }

  std::uint64_t count() const { return count_; }
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
  std::uint64_t count_ = 0;
};

}  // namespace oko::index
