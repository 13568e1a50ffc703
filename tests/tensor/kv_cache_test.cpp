#include <gtest/gtest.h>
#include <mlx/memory.h>
#include <mlx/mlx.h>

#include "base/error.h"
#include "base/fail_point.h"
#include "budget/process_memory.h"
#include "tensor/attention.h"
#include "tensor/device.h"
#include "tests/support/kept_memory.h"
#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

using cpu::KvType;

constexpr int kKvHeads = 2;
constexpr int kHeads = 6;
constexpr int kHeadDim = 32;
constexpr float kScale = 0.1767767f;

class KvCacheTest : public ::testing::Test {
 protected:
  void SetUp() override { select_device(Device::kCpu); }
};

mx::array random_array(int rows, int heads, std::uint32_t seed) {
  const auto size = static_cast<std::size_t>(rows) * heads * kHeadDim;
  const std::vector<float> values = noise(size, seed);
  return mx::array(values.data(), {rows, heads, kHeadDim}, mx::float32);
}

mx::array rows_of(const mx::array& x, int first, int last) {
  return mx::slice(x, {first, 0, 0}, {last, x.shape(1), x.shape(2)});
}

bool same(const mx::array& a, const mx::array& b) {
  return mx::array_equal(a, b).item<bool>();
}

/// Attention by MLX.
mx::array reference(const mx::array& q, const mx::array& k, const mx::array& v,
                    const std::string& mask) {
  const auto heads_first = [](const mx::array& x) {
    return mx::expand_dims(mx::transpose(x, {1, 0, 2}), 0);
  };
  const mx::array out = mx::fast::scaled_dot_product_attention(heads_first(q), heads_first(k),
                                                               heads_first(v), kScale, mask);
  return mx::reshape(mx::transpose(mx::squeeze(out, 0), {1, 0, 2}), {q.shape(0), -1});
}

void expect_near(const mx::array& actual, const mx::array& expected) {
  ASSERT_EQ(actual.shape(), expected.shape());
  EXPECT_LT(mx::max(mx::abs(mx::subtract(actual, expected))).item<float>(), 1e-5f);
}

TEST_F(KvCacheTest, ANumberThatSixteenBitsCannotKeepIsAnError) {
  const mx::array usual = random_array(2, kKvHeads, 1);
  const mx::array large = mx::full({2, kKvHeads, kHeadDim}, 70'000.0f);
  KvCache whole(kKvHeads, kHeadDim, 8, KvType::kFloat32);
  whole.append(large, large);
  KvCache half(kKvHeads, kHeadDim, 8, KvType::kFloat16);
  half.append(usual, usual);
  try {
    half.append(usual, large);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadModel);
    EXPECT_NE(std::string(error.what()).find("65504"), std::string::npos) << error.what();
    EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("--kv-bits 32"),
              std::string::npos)
        << error.hint();
  }
}

/// The caches of many layers grow together, and the outgrown buffers are not kept.
TEST_F(KvCacheTest, GrowingLeavesNothingBehind) {
  constexpr int kLayers = 40, kReserve = 1024;
  const mx::array most = random_array(kReserve, kKvHeads, 1), one = random_array(1, kKvHeads, 2);
  mx::eval(most, one);
  std::vector<KvCache> layers;
  const std::uint64_t before = budget::private_bytes();
  for (int i = 0; i < kLayers; ++i) {
    layers.emplace_back(kKvHeads, kHeadDim, kReserve, KvType::kFloat32);
    layers.back().append(most, most);
  }
  for (KvCache& layer : layers) layer.append(one, one);
  const std::uint64_t rows = KvCache::capacity_for(kReserve + 1, kReserve);
  const std::uint64_t bytes = kLayers * rows * layers[0].bytes_per_token();
  // Pages of steps that no token has reached have no memory yet.
  EXPECT_LT(budget::private_bytes() - before, bytes + 2'000'000 + kKeptFreedBytes);
}

TEST_F(KvCacheTest, AppendsOfAnySizeKeepTheirContents) {
  const std::vector<std::vector<int>> plans{{1000},     {1, 1, 1, 1},     {255, 1, 1, 255, 1},
                                            {256, 256}, {300, 1, 700, 3}, {5, 251, 513}};
  for (const int capacity : {0, 1, 256, 1000}) {
    for (const std::vector<int>& plan : plans) {
      KvCache cache(kKvHeads, kHeadDim, capacity, KvType::kFloat32);
      int total = 0;
      for (const int count : plan) total += count;
      const mx::array keys = random_array(total, kKvHeads, 1);
      const mx::array values = random_array(total, kKvHeads, 2);
      int at = 0;
      for (const int count : plan) {
        cache.append(rows_of(keys, at, at + count), rows_of(values, at, at + count));
        at += count;
        ASSERT_EQ(cache.length(), at);
        ASSERT_GE(cache.keys().shape(0), at);
        if (at % 2 == 0) mx::eval(cache.keys(), cache.values());
      }
      EXPECT_TRUE(same(rows_of(cache.keys(), 0, total), keys)) << "capacity " << capacity;
      EXPECT_TRUE(same(rows_of(cache.values(), 0, total), values)) << "capacity " << capacity;
    }
  }
}

TEST_F(KvCacheTest, BytesOfATokenCountKeysAndValues) {
  KvCache cache(kKvHeads, kHeadDim, 0, KvType::kFloat32);
  EXPECT_EQ(cache.bytes_per_token(), 2u * kKvHeads * kHeadDim * sizeof(float));
}

TEST_F(KvCacheTest, AttentionAfterAppendsEqualsOneShot) {
  constexpr int kTokens = 300;
  const mx::array queries = random_array(kTokens, kHeads, 3);
  const mx::array keys = random_array(kTokens, kKvHeads, 4);
  const mx::array values = random_array(kTokens, kKvHeads, 5);
  const mx::array expected = reference(queries, keys, values, "causal");

  KvCache whole(kKvHeads, kHeadDim, 0, KvType::kFloat32);
  whole.append(keys, values);
  expect_near(causal_attention(queries, whole, kScale), expected);

  for (const bool evaluate_between : {true, false}) {
    KvCache cache(kKvHeads, kHeadDim, 10, KvType::kFloat32);
    std::vector<mx::array> parts;
    int at = 0;
    for (const int count : {100, 1, 1, 1, 60, 1, 100, 36}) {
      cache.append(rows_of(keys, at, at + count), rows_of(values, at, at + count));
      parts.push_back(causal_attention(rows_of(queries, at, at + count), cache, kScale));
      if (evaluate_between) parts.back().eval();
      at += count;
    }
    ASSERT_EQ(at, kTokens);
    expect_near(mx::concatenate(parts, 0), expected);
  }
}

TEST_F(KvCacheTest, FewerBitsStayNearTheExactAttention) {
  constexpr int kTokens = 300;
  const mx::array queries = random_array(kTokens, kHeads, 3);
  const mx::array keys = random_array(kTokens, kKvHeads, 4);
  const mx::array values = random_array(kTokens, kKvHeads, 5);
  const mx::array expected = reference(queries, keys, values, "causal");
  for (const auto& [type, bound] : {std::pair{KvType::kFloat16, 1e-3f}, {KvType::kInt8, 3e-2f}}) {
    KvCache cache(kKvHeads, kHeadDim, 0, type);
    std::vector<mx::array> parts;
    int at = 0;
    for (const int count : {200, 1, 57, 1, 41}) {  // grows on the way
      cache.append(rows_of(keys, at, at + count), rows_of(values, at, at + count));
      parts.push_back(causal_attention(rows_of(queries, at, at + count), cache, kScale));
      at += count;
    }
    const mx::array error = mx::abs(mx::subtract(mx::concatenate(parts, 0), expected));
    EXPECT_LT(mx::max(error).item<float>(), bound);
    EXPECT_GT(mx::max(error).item<float>(), bound / 100) << "nothing was rounded";
    EXPECT_EQ(cache.bytes_per_token(),
              2 * kKvHeads * cpu::kv_row_bytes(type, static_cast<std::size_t>(kHeadDim)));
  }
}

TEST_F(KvCacheTest, AppendingATokenDoesNotCopyTheCache) {
  constexpr int kTokens = 50'000;  // 12.8 MB of keys
  KvCache cache(kKvHeads, kHeadDim, kTokens + 100, KvType::kFloat32);
  cache.append(random_array(kTokens, kKvHeads, 6), random_array(kTokens, kKvHeads, 7));
  mx::eval(cache.keys(), cache.values());
  const float* keys = cache.keys().data<float>();
  const float* values = cache.values().data<float>();
  const mx::array query = random_array(1, kHeads, 8);
  mx::reset_peak_memory();
  const std::size_t before = mx::get_active_memory();
  for (int i = 0; i < 50; ++i) {
    cache.append(random_array(1, kKvHeads, 9), random_array(1, kKvHeads, 10));
    mx::array out = causal_attention(query, cache, kScale);
    mx::eval(out, cache.keys(), cache.values());
    ASSERT_EQ(cache.keys().data<float>(), keys) << "token " << i;
    ASSERT_EQ(cache.values().data<float>(), values) << "token " << i;
  }
  EXPECT_LT(mx::get_peak_memory(), before + 1'000'000);
}

TEST_F(KvCacheTest, AppendIsInPlaceWhenOnlyAttentionHoldsTheCache) {
  // A decoder evaluates its logits, not the caches of its layers.
  constexpr int kTokens = 50'000;
  KvCache cache(kKvHeads, kHeadDim, kTokens + 100, KvType::kFloat32);
  cache.append(random_array(kTokens, kKvHeads, 6), random_array(kTokens, kKvHeads, 7));
  const mx::array query = random_array(1, kHeads, 8);
  causal_attention(query, cache, kScale).eval();
  mx::reset_peak_memory();
  const std::size_t before = mx::get_active_memory();
  for (int i = 0; i < 20; ++i) {
    cache.append(random_array(1, kKvHeads, 9), random_array(1, kKvHeads, 10));
    causal_attention(query, cache, kScale).eval();
  }
  EXPECT_LT(mx::get_peak_memory(), before + 1'000'000);
}

TEST_F(KvCacheTest, SegmentsAttendOnlyToThemselves) {
  const mx::array queries = random_array(120, kHeads, 11);
  const mx::array keys = random_array(120, kHeads, 12);
  const mx::array values = random_array(120, kHeads, 13);
  const std::vector<int> bounds{0, 1, 50, 50, 120};
  const mx::array actual =
      segment_attention(queries, keys, values, bounds, kScale, cpu::Precision::kFloat32);
  std::vector<mx::array> expected;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    if (bounds[i] == bounds[i + 1]) continue;
    const auto part = [&](const mx::array& x) { return rows_of(x, bounds[i], bounds[i + 1]); };
    expected.push_back(reference(part(queries), part(keys), part(values), ""));
  }
  expect_near(actual, mx::concatenate(expected, 0));
}

#ifdef OKO_FAIL_POINTS
TEST_F(KvCacheTest, AFailedAllocationLeavesTheTokensHeld) {
  const mx::array tokens = random_array(600, kKvHeads, 1), queries = random_array(1, kHeads, 2);
  KvCache whole(kKvHeads, kHeadDim, 600, KvType::kFloat32);
  whole.append(tokens, tokens);
  const mx::array expected = causal_attention(queries, whole, kScale);
  int failed = 0;
  for (std::uint64_t nth = 1; nth <= 4; ++nth) {
    KvCache cache(kKvHeads, kHeadDim, 8, KvType::kFloat32);
    for (const auto& [first, last] : {std::pair(0, 8), std::pair(8, 600)}) {
      FailPoint::arm(nth);
      try {
        cache.append(tokens, tokens, first, last);
      } catch (const Error&) {
        ++failed;
        EXPECT_EQ(cache.length(), first);
        FailPoint::arm(0);
        cache.append(tokens, tokens, first, last);
      }
      FailPoint::arm(0);
    }
    expect_near(causal_attention(queries, cache, kScale), expected);
  }
  EXPECT_GE(failed, 4);
}
#endif

}  // namespace
}  // namespace oko::tensor
