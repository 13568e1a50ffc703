#include "engine/prefix_cache.h"

#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include "budget/memory_budget.h"
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

qwen::PromptLayout layout_of(std::vector<std::int32_t> ids) {
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
    cache_->put(layout_of(ids), state_of(ids), type);
  }

  std::size_t found(const std::vector<std::int32_t>& ids, KvType type = KvType::kFloat32) {
    auto state = cache_->find(layout_of(ids), type, ids.size());
    if (!state) return 0;
    const float* keys = state->layer(0).keys().data<float>();
    for (std::size_t i = 0; i < state->length(); ++i) {
      EXPECT_EQ(keys[i * kHeadDim], static_cast<float>(ids[i])) << "keys of another text";
    }
    return state->length();
  }

  std::unique_ptr<PrefixCache> cache_of(std::uint64_t max_bytes) {
    return std::make_unique<PrefixCache>(
        budget_, [](const std::function<void()>& command, const StopToken&) { command(); },
        max_bytes);
  }

  std::uint64_t reserved() const { return budget_.held()[budget::Tag::kPrefixCache]; }

  budget::MemoryBudget budget_{1 << 20};
  std::unique_ptr<PrefixCache> cache_ = cache_of(1 << 20);
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
  const std::uint64_t bytes = reserved();
  put(numbers(0, 50));
  EXPECT_EQ(reserved(), bytes);
  put(numbers(0, 100));
  EXPECT_EQ(reserved(), 2 * 100 * kHeadDim * sizeof(float));
}

TEST_F(PrefixCacheTest, DropsLeastRecentlyUsedFirst) {
  constexpr std::uint64_t kText = 2 * 100 * kHeadDim * sizeof(float);
  cache_ = cache_of(3 * kText);
  const auto keeps = [&](int text) {
    return cache_->find(layout_of(numbers(1000 * text, 100)), KvType::kFloat32, 100).has_value();
  };
  for (const int text : {1, 2, 3}) put(numbers(1000 * text, 100));
  EXPECT_TRUE(keeps(1));  // used now
  put(numbers(4000, 100));
  EXPECT_LE(reserved(), 3 * kText);
  EXPECT_TRUE(keeps(1));
  EXPECT_FALSE(keeps(2));
  cache_->clear();
  EXPECT_EQ(reserved(), 0u);
}

TEST_F(PrefixCacheTest, EvictsTextsForRequests) {
  put(numbers(0, 100));
  EXPECT_GT(reserved(), 0u);
  const budget::Reservation all = budget_.reserve({.size = [] {
    budget::TagBytes bytes;
    bytes[budget::Tag::kKv] = 1 << 20;
    return bytes;
  }});
  EXPECT_EQ(reserved(), 0u);
  EXPECT_EQ(found(numbers(0, 100)), 0u);
  put(numbers(0, 100));
  EXPECT_EQ(reserved(), 0u) << "there is no room";
}

TEST_F(PrefixCacheTest, ATextLargerThanTheCacheIsNotKept) {
  cache_ = cache_of(1000);
  put(numbers(0, 100));
  EXPECT_EQ(reserved(), 0u);
}

}  // namespace
}  // namespace oko::engine
