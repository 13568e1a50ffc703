#include "tensor/cpu/top_k.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "tests/tensor/numbers.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class TopKTest : public TargetTest {};

std::vector<std::uint32_t> sorted(const std::vector<float>& x, std::size_t k) {
  std::vector<std::uint32_t> indices(x.size());
  std::iota(indices.begin(), indices.end(), 0u);
  std::stable_sort(indices.begin(), indices.end(), [&](auto a, auto b) { return x[a] > x[b]; });
  indices.resize(k);
  return indices;
}

/// Numbers of which many are equal.
std::vector<float> with_equals(std::size_t count) {
  std::vector<float> x = noise(count, static_cast<unsigned>(count));
  for (float& value : x) value = std::round(value * 50.0f);
  return x;
}

TEST_P(TopKTest, LargestIsTheFirstOfEquals) {
  for (const std::size_t count : {1, 3, 15, 16, 17, 64, 1000, 151'936}) {
    for (const std::vector<float>& x : {noise(count, 1), with_equals(count)}) {
      const cpu::Largest largest = cpu::largest_of(x.data(), count);
      const auto expected = std::max_element(x.begin(), x.end());
      EXPECT_EQ(largest.index, static_cast<std::size_t>(expected - x.begin())) << count;
      EXPECT_EQ(largest.value, *expected);
      EXPECT_FALSE(largest.has_nan);
    }
  }
}

TEST_P(TopKTest, LargestReportsNaNAtAnyPosition) {
  for (std::size_t at = 0; at < 35; ++at) {
    std::vector<float> x = noise(35, 2);
    x[at] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(cpu::largest_of(x.data(), x.size()).has_nan) << at;
  }
}

TEST_P(TopKTest, InfinitiesAreNumbers) {
  const std::vector<float> low(40, -kInfinity);
  EXPECT_EQ(cpu::largest_of(low.data(), low.size()).index, 0u);
  EXPECT_EQ(cpu::largest_of(low.data(), low.size()).value, -kInfinity);
  EXPECT_FALSE(cpu::largest_of(low.data(), low.size()).has_nan);
  EXPECT_EQ(cpu::largest_k(low.data(), low.size(), 3), (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST_P(TopKTest, KLargestEqualASortForAnyOrder) {
  for (const std::size_t count : {1, 20, 63, 64, 65, 1000, 151'936}) {
    std::vector<float> rising = noise(count, 3);
    std::sort(rising.begin(), rising.end());  // the worst: every number is a new largest
    for (const std::vector<float>& x : {noise(count, 4), with_equals(count), rising}) {
      for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{20}, count}) {
        if (k > count) continue;
        EXPECT_EQ(cpu::largest_k(x.data(), count, k), sorted(x, k)) << count;
      }
    }
  }
}

OKO_FOR_EVERY_TARGET(TopKTest);

}  // namespace
}  // namespace oko::tensor
