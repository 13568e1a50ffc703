#include "tensor/cpu/row_ops.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "tests/tensor/numbers.h"
#include "tests/tensor/targets.h"

namespace oko::tensor {
namespace {

constexpr double kSmallest = 0x1p-149;  // the least subnormal of f32
constexpr float kEpsilon = 1e-6f;
constexpr std::size_t kWidths[] = {1, 2, 3, 15, 16, 17, 63, 1000, 2560};
constexpr std::size_t kRows = 7;

/// Noise of very different sizes: ordinary, ±1e4, subnormal, zero.
std::vector<float> mixed(std::size_t count, std::uint32_t seed) {
  std::vector<float> values = noise(count, seed);
  constexpr float kFactors[] = {1.0f, 1.0f, 1.0f, 1e4f, 1.0f, 1e-41f, 1.0f, 0.0f};
  for (std::size_t i = 0; i < count; ++i) values[i] *= kFactors[(i + seed) % 8];
  return values;
}

/// Expects `actual`, guarded by one more element, to be within `bound` of `expected`, element by
/// element.
void expect_close(const std::vector<float>& actual, const std::vector<double>& expected,
                  const std::vector<double>& bound) {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::fabs(actual[i] - expected[i]) <= bound[i]) && wrong++ == 0) {
      ADD_FAILURE() << "element " << i << " is " << actual[i] << ", expected " << expected[i]
                    << " ± " << bound[i];
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(std::isnan(actual[expected.size()])) << "wrote past the end";
}

/// Runs an operation into fresh memory and in place, and compares both.
void check(const std::vector<float>& x, const std::vector<double>& expected,
           const std::vector<double>& bound,
           const std::function<void(const float* x, float* out)>& operation) {
  constexpr float kGuard = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> fresh(x.size() + 1, kGuard);
  operation(x.data(), fresh.data());
  expect_close(fresh, expected, bound);
  std::vector<float> in_place = x;
  in_place.push_back(kGuard);
  operation(in_place.data(), in_place.data());
  expect_close(in_place, expected, bound);
}

class RowOpsTest : public TargetTest {};

TEST_P(RowOpsTest, RmsNormEqualsDouble) {
  for (const std::size_t width : kWidths) {
    const std::vector<float> x = mixed(kRows * width, 1);
    const std::vector<float> weight = noise(width, 2);
    std::vector<double> expected(x.size()), bound(x.size());
    for (std::size_t row = 0; row < kRows; ++row) {
      double squares = 0.0;
      for (std::size_t i = row * width; i < (row + 1) * width; ++i) squares += double{x[i]} * x[i];
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(width) + kEpsilon);
      for (std::size_t i = 0; i < width; ++i) {
        const std::size_t at = row * width + i;
        expected[at] = x[at] * scale * weight[i];
        bound[at] = rounding_bound(width + 8, std::fabs(expected[at])) +
                    kSmallest * (1 + std::fabs(weight[i]));
      }
    }
    check(x, expected, bound, [&](const float* in, float* out) {
      cpu::rms_norm(in, weight.data(), kEpsilon, kRows, width, out);
    });
  }
}

TEST_P(RowOpsTest, LayerNormEqualsDouble) {
  for (const std::size_t width : kWidths) {
    for (const float shift : {0.0f, 100.0f}) {
      std::vector<float> x = mixed(kRows * width, 3);
      for (float& value : x) value += shift;
      const std::vector<float> weight = noise(width, 4);
      const std::vector<float> bias = noise(width, 5);
      const auto count = static_cast<double>(width);
      std::vector<double> expected(x.size()), bound(x.size());
      for (std::size_t row = 0; row < kRows; ++row) {
        const float* in = x.data() + row * width;
        const double mean = std::accumulate(in, in + width, 0.0) / count;
        double variance = 0.0, size = 0.0;
        for (std::size_t i = 0; i < width; ++i) {
          variance += (in[i] - mean) * (in[i] - mean) / count;
          size += std::fabs(in[i]) / count;
        }
        const double scale = 1.0 / std::sqrt(variance + kEpsilon);
        const double mean_error = rounding_bound(width + 1, size);
        for (std::size_t i = 0; i < width; ++i) {
          const double normal = (in[i] - mean) * scale;
          // The mean's own error moves every element, and the variance by its square.
          const double error = mean_error * scale * (1 + std::fabs(normal) * mean_error * scale) +
                               rounding_bound(width + 8, std::fabs(normal));
          const std::size_t at = row * width + i;
          expected[at] = normal * weight[i] + bias[i];
          bound[at] = error * std::fabs(weight[i]) + 2 * kUnitRoundoff * std::fabs(expected[at]) +
                      kSmallest;
        }
      }
      check(x, expected, bound, [&](const float* in, float* out) {
        cpu::layer_norm(in, weight.data(), bias.data(), kEpsilon, kRows, width, out);
      });
    }
  }
}

/// Below exp(-80) a sigmoid is practically zero: 1.8e-35 may replace it.
constexpr double kSigmoidFloor = 2e-35;

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

TEST_P(RowOpsTest, SwigluEqualsDouble) {
  for (const std::size_t width : kWidths) {
    const std::vector<float> gate = mixed(kRows * width, 6);
    const std::vector<float> up = mixed(kRows * width, 7);
    std::vector<double> expected(gate.size()), bound(gate.size());
    for (std::size_t i = 0; i < gate.size(); ++i) {
      expected[i] = gate[i] * sigmoid(gate[i]) * up[i];
      bound[i] = 10 * kUnitRoundoff * std::fabs(expected[i]) +
                 kSigmoidFloor * std::fabs(double{gate[i]} * up[i]) +
                 kSmallest * (1 + std::fabs(up[i]));
    }
    check(gate, expected, bound,
          [&](const float* in, float* out) { cpu::swiglu(in, up.data(), kRows, width, out); });
    check(up, expected, bound,
          [&](const float* in, float* out) { cpu::swiglu(gate.data(), in, kRows, width, out); });
  }
}

TEST_P(RowOpsTest, GeluTanhEqualsDouble) {
  for (const std::size_t width : kWidths) {
    std::vector<float> x = mixed(kRows * width, 8);
    for (std::size_t i = 0; i < x.size(); i += 3) x[i] *= 4;  // the bend lies within ±5
    std::vector<double> expected(x.size()), bound(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i];
      const double z = 2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
      expected[i] = v * sigmoid(z);
      // sigmoid'(z) = sigmoid(z) sigmoid(-z) scales the roundings of z.
      bound[i] = 10 * kUnitRoundoff * std::fabs(expected[i]) * (1 + std::fabs(z) * sigmoid(-z)) +
                 kSigmoidFloor * std::fabs(v) + kSmallest;
    }
    check(x, expected, bound,
          [&](const float* in, float* out) { cpu::gelu_tanh(in, kRows, width, out); });
  }
}

TEST_P(RowOpsTest, GeluEqualsDouble) {
  const std::vector<float> x = mixed(kRows * 67, 8);
  std::vector<double> expected(x.size()), bound(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    expected[i] = 0.5 * x[i] * (1 + std::erf(x[i] * M_SQRT1_2));
    bound[i] = 3e-7 + 6 * kUnitRoundoff * std::fabs(x[i]);
  }
  check(x, expected, bound, [&](const float* in, float* out) { cpu::gelu(in, kRows, 67, out); });
}

TEST_P(RowOpsTest, AddEqualsDouble) {
  for (const std::size_t width : kWidths) {
    const std::vector<float> x = mixed(kRows * width, 12), y = mixed(kRows * width, 13);
    std::vector<double> expected(x.size()), bound(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      expected[i] = double{x[i]} + y[i];
      bound[i] = kUnitRoundoff * std::fabs(expected[i]) + kSmallest;
    }
    check(x, expected, bound,
          [&](const float* in, float* out) { cpu::add(in, y.data(), kRows, width, out); });
  }
}

TEST_P(RowOpsTest, GeluTanhOfHugeNumbersIsTheNumberOrZero) {
  std::vector<float> x{1e4f, 1e13f, 3e38f, -1e4f, -1e13f, 100.0f, -100.0f, 0.0f};
  cpu::gelu_tanh(x.data(), 1, x.size(), x.data());
  const float expected[] = {1e4f, 1e13f, 3e38f, 0.0f, 0.0f, 100.0f, 0.0f, 0.0f};
  for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], expected[i], 1e-20) << i;
}

TEST_P(RowOpsTest, RotateEqualsDoubleWithRowsApart) {
  for (const std::size_t head_dim : {2, 6, 32, 34, 80, 128}) {
    for (const std::size_t heads : {1, 3, 16}) {
      const std::size_t width = heads * head_dim;
      const std::size_t half = head_dim / 2;
      const std::vector<float> x = mixed(kRows * width, 9);
      const std::vector<float> cos = noise(kRows * half, 10);
      const std::vector<float> sin = noise(kRows * half, 11);
      std::vector<double> expected(x.size()), bound(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t j = i % head_dim;
        const std::size_t angle = i / width * half + j % half;
        const double partner = j < half ? -x[i + half] : x[i - half];
        expected[i] = double{x[i]} * cos[angle] + partner * sin[angle];
        bound[i] = 2 * kUnitRoundoff *
                       (std::fabs(double{x[i]} * cos[angle]) + std::fabs(partner * sin[angle])) +
                   2 * kSmallest;
      }
      check(x, expected, bound, [&](const float* in, float* out) {
        cpu::rotate(in, width, cos.data(), sin.data(), kRows, heads, head_dim, out);
      });

      const std::size_t stride = width + 5;
      std::vector<float> apart(kRows * stride), out(x.size() + 1, NAN);
      for (std::size_t row = 0; row < kRows; ++row) {
        std::copy_n(x.data() + row * width, width, apart.data() + row * stride);
      }
      cpu::rotate(apart.data(), stride, cos.data(), sin.data(), kRows, heads, head_dim, out.data());
      expect_close(out, expected, bound);
    }
  }
}

OKO_FOR_EVERY_TARGET(RowOpsTest);

}  // namespace
}  // namespace oko::tensor
