#pragma once

#include <cstdint>
#include <vector>

namespace oko::tensor {

/// The most scores of one fused attention kernel, over all heads. A score costs 4 * head_dim FLOP,
/// a product with a key and one with a value: 2^30 scores are 0.55 TFLOP with heads of 128, 0.3 s
/// on an M1 (1.7 TFLOP/s assumed). macOS kills a command buffer that runs for about 5 s, and draws
/// nothing while a kernel runs.
inline constexpr std::uint64_t kMaxFusedScores = std::uint64_t{1} << 30;

/// The same without a fused kernel: the scores then are an array, of 64 MB in f32.
inline constexpr std::uint64_t kMaxScoreArray = std::uint64_t{1} << 24;

/// The most queries of one kernel.
inline constexpr int kMaxQueryRows = 4096;

/// Queries [first, last) that attend to keys [0, keys).
struct QueryBlock {
  int first = 0;
  int last = 0;
  int keys = 0;
  bool operator==(const QueryBlock&) const = default;
};

struct AttentionShape {
  int queries = 0;
  int keys = 0;
  int heads = 1;        ///< of the queries
  bool causal = false;  ///< the queries are the last tokens of the keys
};

/// Splits attention into blocks of at most kMaxQueryRows queries and `max_scores` scores, but at
/// least one query. A causal block leaves out the keys after its last query.
std::vector<QueryBlock> query_blocks(const AttentionShape& shape, std::uint64_t max_scores);

/// Scores of the largest block.
std::uint64_t largest_block_scores(const AttentionShape& shape, std::uint64_t max_scores);

}  // namespace oko::tensor
