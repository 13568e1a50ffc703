// Attention in MLX's graph: in blocks that bound the time of a kernel.
#include <gtest/gtest.h>
#include <mlx/fast.h>
#include <mlx/memory.h>
#include <mlx/mlx.h>

#include "tensor/attention.h"
#include "tensor/device.h"
#include "tensor/layers.h"
#include "tensor/query_blocks.h"
#include "tests/support/weight_files.h"
#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

constexpr int kHeadDim = 8;
constexpr float kScale = 0.35f;

class GraphAttentionTest : public ::testing::Test {
 protected:
  void SetUp() override { prepare_device({.device = Device::kGraphOnCpu}); }
};

mx::array random_array(int rows, int heads, std::uint32_t seed) {
  const std::vector<float> values =
      noise(static_cast<std::size_t>(std::int64_t{rows} * heads * kHeadDim), seed);
  return mx::array(values.data(), {rows, heads, kHeadDim}, mx::float32);
}

/// (n, heads, head_dim) in the layout of decoder layers.
mx::array layer_heads(const mx::array& x) {
  return split_heads(mx::reshape(x, {x.shape(0), -1}), x.shape(1), kHeadDim);
}

/// MLX's attention in one call.
mx::array whole_attention(const mx::array& queries, const mx::array& keys, const mx::array& values,
                          const std::string& mask) {
  const auto heads_first = [](const mx::array& x) {
    return mx::expand_dims(mx::transpose(x, {1, 0, 2}), 0);
  };
  const mx::array out = mx::fast::scaled_dot_product_attention(
      heads_first(queries), heads_first(keys), heads_first(values), kScale, mask);
  return mx::reshape(mx::transpose(mx::squeeze(out, 0), {1, 0, 2}), {queries.shape(0), -1});
}

void expect_near(const mx::array& actual, const mx::array& expected) {
  ASSERT_EQ(actual.shape(), expected.shape());
  EXPECT_LT(mx::max(mx::abs(mx::subtract(actual, expected))).item<float>(), 1e-5f);
}

/// Peak bytes while `work` runs, above those before.
template <typename Work>
std::uint64_t peak_of(Work work) {
  const std::uint64_t before = mx::get_active_memory();
  mx::reset_peak_memory();
  work();
  return mx::get_peak_memory() - before;
}

TEST(QueryBlocksTest, BlocksFollowEachOtherAndCoverEveryQuery) {
  for (const int queries : {1, 8, 31, 512, 4096, 4097, 65536}) {
    for (const bool causal : {false, true}) {
      const AttentionShape shape{queries, queries + 1000, 16, causal};
      int next = 0;
      for (const QueryBlock& block : query_blocks(shape, kMaxFusedScores)) {
        EXPECT_EQ(block.first, next);
        EXPECT_EQ(block.keys, causal ? 1000 + block.last : shape.keys);
        next = block.last;
      }
      EXPECT_EQ(next, queries);
    }
  }
}

TEST(QueryBlocksTest, NoBlockExceedsTheBoundsAtAnySizeThatAModelTakes) {
  // Patches of pictures up to the model's own limit, and chunks of prompts in front of long caches.
  for (const AttentionShape& shape : std::initializer_list<AttentionShape>{{4096, 4096, 16},
                                                                           {16384, 16384, 16},
                                                                           {47628, 47628, 16},
                                                                           {65536, 65536, 16},
                                                                           {512, 8192, 32, true},
                                                                           {512, 262144, 32, true},
                                                                           {1, 262144, 32, true}}) {
    for (const std::uint64_t bound : {kMaxFusedScores, kMaxScoreArray}) {
      EXPECT_LE(largest_block_scores(shape, bound), bound) << shape.queries;
      for (const QueryBlock& block : query_blocks(shape, bound)) {
        EXPECT_LE(block.last - block.first, kMaxQueryRows);
      }
    }
  }
  EXPECT_EQ(query_blocks({4096, 4096, 16}, kMaxFusedScores).size(), 1u) << "a megapixel";
}

TEST(QueryBlocksTest, AQueryOfMoreKeysThanTheBoundIsABlockOfItsOwn) {
  EXPECT_EQ(query_blocks({3, 1000, 16}, 100).size(), 3u);
}

TEST_F(GraphAttentionTest, ASegmentInBlocksEqualsAttentionInOneCall) {
  const mx::array queries = random_array(3000, 2, 1), keys = random_array(3000, 2, 2),
                  values = random_array(3000, 2, 3);
  ASSERT_GT(query_blocks({3000, 3000, 2}, max_attention_scores(kHeadDim, 3000)).size(), 1u);
  const std::vector<int> bounds{0, 3000};
  expect_near(segment_attention(queries, keys, values, bounds, kScale, cpu::Precision::kFloat32),
              whole_attention(queries, keys, values, ""));
}

TEST_F(GraphAttentionTest, SegmentsAttendOnlyToThemselvesInBlocksOfAnySize) {
  const mx::array queries = random_array(3700, 2, 1), keys = random_array(3700, 2, 2),
                  values = random_array(3700, 2, 3);
  const std::vector<int> bounds{0, 200, 3200, 3700};
  const mx::array actual =
      segment_attention(queries, keys, values, bounds, kScale, cpu::Precision::kFloat32);
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    const auto part = [&](const mx::array& x) {
      mx::Shape start(static_cast<std::size_t>(x.ndim()), 0), stop = x.shape();
      start[0] = bounds[i];
      stop[0] = bounds[i + 1];
      return mx::slice(x, start, stop);
    };
    expect_near(part(actual), whole_attention(part(queries), part(keys), part(values), ""));
  }
}

TEST_F(GraphAttentionTest, AChunkInFrontOfALongCacheIsCutAndEqualsOneCall) {
  constexpr int kTokens = 15000, kChunk = 600, kHeads = 2;
  KvCache cache(1, kHeadDim, kTokens, cpu::KvType::kFloat16);
  const mx::array keys = random_array(kTokens, 1, 2), values = random_array(kTokens, 1, 3);
  cache.append(layer_heads(keys), layer_heads(values));
  const mx::array queries = random_array(kChunk, kHeads, 1);
  ASSERT_GT(
      query_blocks({kChunk, kTokens, kHeads, true}, max_attention_scores(kHeadDim, kChunk)).size(),
      1u);
  expect_near(causal_attention(layer_heads(queries), cache, kScale),
              whole_attention(queries, keys, values, "causal"));
}

TEST_F(GraphAttentionTest, ScoresThatAreArraysAreHeldForOneBlockOnly) {
  constexpr int kRows = 2500, kHeads = 8;
  const mx::array queries = random_array(kRows, kHeads, 1), keys = random_array(kRows, kHeads, 2),
                  values = random_array(kRows, kHeads, 3);
  mx::eval(queries, keys, values);
  const std::vector<int> bounds{0, kRows};
  const std::uint64_t blocked = peak_of([&] {
    segment_attention(queries, keys, values, bounds, kScale, cpu::Precision::kFloat32).eval();
  });
  const std::uint64_t scores = std::uint64_t{kRows} * kRows * kHeads * sizeof(float);
  EXPECT_LT(blocked, 2 * kMaxScoreArray * sizeof(float));
  EXPECT_GT(scores, blocked) << "the whole would be larger";
}

TEST_F(GraphAttentionTest, AStopIsSeenBetweenBlocks) {
  const mx::array x = random_array(3000, 2, 1);
  const std::vector<int> bounds{0, 3000};
  StopSource stop;
  stop.request_stop();
  const Error error = error_of([&] {
    segment_attention(x, x, x, bounds, kScale, cpu::Precision::kFloat32, stop.get_token());
  });
  EXPECT_EQ(error.code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace oko::tensor
