#include "tensor/query_blocks.h"

#include <algorithm>

namespace oko::tensor {
namespace {

constexpr int kTileRows = 32;  // of MLX's attention kernels on a GPU

int rows_within(const AttentionShape& shape, std::uint64_t max_scores) {
  const std::uint64_t row_scores =
      static_cast<std::uint64_t>(shape.keys) * static_cast<std::uint64_t>(shape.heads);
  const auto rows = static_cast<int>(std::clamp<std::uint64_t>(
      max_scores / std::max<std::uint64_t>(row_scores, 1), 1, kMaxQueryRows));
  return rows < kTileRows ? rows : rows / kTileRows * kTileRows;
}

}  // namespace

std::vector<QueryBlock> query_blocks(const AttentionShape& shape, std::uint64_t max_scores) {
  const int rows = rows_within(shape, max_scores);
  std::vector<QueryBlock> blocks;
  for (int first = 0; first < shape.queries; first += rows) {
    const int last = std::min(shape.queries, first + rows);
    blocks.push_back({first, last, shape.causal ? shape.keys - shape.queries + last : shape.keys});
  }
  return blocks;
}

std::uint64_t largest_block_scores(const AttentionShape& shape, std::uint64_t max_scores) {
  std::uint64_t largest = 0;
  for (const QueryBlock& block : query_blocks(shape, max_scores)) {
    largest = std::max(largest, static_cast<std::uint64_t>(block.last - block.first) *
                                    static_cast<std::uint64_t>(block.keys) *
                                    static_cast<std::uint64_t>(shape.heads));
  }
  return largest;
}

}  // namespace oko::tensor
