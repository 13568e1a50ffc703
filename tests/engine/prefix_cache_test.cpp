#include "engine/prefix_cache.h"

#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include "tensor/device.h"

namespace oko::engine {
namespace {

namespace mx = mlx::core;
namespace qwen = models::qwen3_vl;
using tensor::cpu::KvType;

constexpr int kHeadDim = 8;

/// One layer whose keys of token i are all `ids[i]`.
qwen::SequenceState state_of(const std::vector<std::int32_t>& ids) {
  std::vector<float> numbers;
  for (const std::int32_t id : ids) numbers.insert(numbers.end(), kHeadDim, static_cast<float>(id));
  std::vector<tensor::KvCache> layers;
  layers.emplace_back(1, kHeadDim, static_cast<int>(ids.size()), KvType::kFloat32);
  qwen::SequenceState state(std::move(layers));
  const mx::array rows(numbers.data(), {static_cast<int>(ids.size()), 1, kHeadDim}, mx::float32);
  state.layer(0).append(rows, rows);
  state.advance(ids.size());
  return state;
}

qwen::PromptLayout text_of(std::vector<std::int32_t> ids) {
  qwen::PromptLayout text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto at = static_cast<std::int32_t>(i);
    text.positions.push_back({at, at, at});
  }
  text.ids = std::move(ids);
  return text;
}

std::vector<std::int32_t> numbers(int first, int count) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < count; ++i) ids.push_back(first + i);
  return ids;
}

class PrefixCacheTest : public ::testing::Test {
 protected:
  PrefixCacheTest() { tensor::select_device(tensor::Device::kCpu); }

  void put(const std::vector<std::int32_t>& ids, KvType type = KvType::kFloat32) {
    cache_.put(text_of(ids), state_of(ids), type);
  }

  std::size_t found(const std::vector<std::int32_t>& ids, KvType type = KvType::kFloat32) {
    auto state = cache_.find(text_of(ids), type, ids.size());
    if (!state) return 0;
    const float* keys = state->layer(0).keys().data<float>();
    for (std::size_t i = 0; i < state->length(); ++i) {
      EXPECT_EQ(keys[i * kHeadDim], static_cast<float>(ids[i])) << "keys of another text";
    }
    return state->length();
  }

  PrefixCache cache_{1 << 20};
};

TEST_F(PrefixCacheTest, FindsTheLongestPrefixThatLeavesATokenToBeRead) {
  put(numbers(0, 100));
  std::vector<std::int32_t> branch = numbers(0, 40);
  branch.insert(branch.end(), 30, 7);
  put(branch);
  EXPECT_EQ(found(numbers(0, 200)), 100u);
  EXPECT_EQ(found(numbers(0, 100)), 99u);
  EXPECT_EQ(found(numbers(0, 30)), 29u);
  branch.insert(branch.end(), 5, 9);
  EXPECT_EQ(found(branch), 70u);
  EXPECT_EQ(found(numbers(500, 100)), 0u);
  EXPECT_EQ(found(numbers(0, 10)), 0u) << "so few are read as quickly";
}

TEST_F(PrefixCacheTest, CachesOfAnotherTypeDoNotAnswer) {
  put(numbers(0, 100));
  EXPECT_EQ(found(numbers(0, 100), KvType::kInt8), 0u);
}

TEST_F(PrefixCacheTest, ATextReplacesTheBeginningThatItContinues) {
  put(numbers(0, 50));
  const std::uint64_t bytes = cache_.bytes();
  put(numbers(0, 50));
  EXPECT_EQ(cache_.bytes(), bytes);
  put(numbers(0, 100));
  EXPECT_EQ(cache_.bytes(), 2 * 100 * kHeadDim * sizeof(float));
}

TEST_F(PrefixCacheTest, WhatWasNotUsedForLongestGoesFirst) {
  constexpr std::uint64_t kText = 2 * 100 * kHeadDim * sizeof(float);
  PrefixCache cache(3 * kText);
  const auto keeps = [&](int text) {
    return cache.find(text_of(numbers(1000 * text, 100)), KvType::kFloat32, 100).has_value();
  };
  for (const int text : {1, 2, 3}) {
    cache.put(text_of(numbers(1000 * text, 100)), state_of(numbers(1000 * text, 100)),
              KvType::kFloat32);
  }
  EXPECT_TRUE(keeps(1));  // used now
  cache.put(text_of(numbers(4000, 100)), state_of(numbers(4000, 100)), KvType::kFloat32);
  EXPECT_LE(cache.bytes(), 3 * kText);
  EXPECT_TRUE(keeps(1));
  EXPECT_FALSE(keeps(2));
  EXPECT_TRUE(cache.evict());
  EXPECT_FALSE(keeps(3));
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_FALSE(cache.evict());
}

TEST_F(PrefixCacheTest, ATextLargerThanTheCacheIsNotKept) {
  PrefixCache cache(1000);
  cache.put(text_of(numbers(0, 100)), state_of(numbers(0, 100)), KvType::kFloat32);
  EXPECT_EQ(cache.bytes(), 0u);
}

}  // namespace
}  // namespace oko::engine
