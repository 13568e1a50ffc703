#include "tensor/cpu/softmax.h"

#include <cmath>
#include <limits>
#include <vector>

#include "tests/tensor/numbers.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {
namespace {

class SoftmaxTest : public TargetTest {};

TEST_P(SoftmaxTest, WeightsAndTheirSumEqualExactOnes) {
  for (const std::size_t count : {1, 7, 16, 1023, 1024, 1025, 151'936}) {
    for (const float temperature : {0.1f, 0.7f, 3.0f}) {
      std::vector<float> x = noise(count, static_cast<unsigned>(count));
      for (float& logit : x) logit *= 8.0f;
      x[count / 2] = 30.0f;
      std::vector<float> weights = x;
      const double sum = cpu::softmax_weights(weights.data(), count, 30.0f, temperature);
      double exact_sum = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const double exact = std::exp((static_cast<double>(x[i]) - 30.0) / temperature);
        exact_sum += exact;
        // A rounding of the exponent, up to 400 here, counts as many times.
        EXPECT_NEAR(weights[i], exact, 1e-36 + exact * 4e-5) << count << " at " << i;
      }
      EXPECT_NEAR(sum, exact_sum, exact_sum * 1e-5) << count;
    }
  }
}

TEST_P(SoftmaxTest, WeightOfTheLargestIsOneAndOfMinusInfinityZero) {
  std::vector<float> x(100, -std::numeric_limits<float>::infinity());
  x[41] = 12.5f;
  x[99] = -1e30f;
  EXPECT_EQ(cpu::softmax_weights(x.data(), x.size(), 12.5f, 0.01f), 1.0);
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i], i == 41 ? 1.0f : 0.0f) << i;
}

OKO_FOR_EVERY_TARGET(SoftmaxTest);

}  // namespace
}  // namespace oko::tensor
