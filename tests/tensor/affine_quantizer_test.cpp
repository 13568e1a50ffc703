#include "tensor/affine_quantizer.h"

#include <gtest/gtest.h>
#include <mlx/mlx.h>

#include <cmath>
#include <limits>

#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

namespace mx = mlx::core;

/// The values of stored rows.
std::vector<float> dequantized(const QuantizedRows& rows, const Quantization& quantization,
                               checkpoint::Dtype dtype) {
  const auto bits = static_cast<std::size_t>(quantization.bits);
  const auto group_size = static_cast<std::size_t>(quantization.group_size);
  std::vector<float> values;
  for (std::size_t i = 0; i < rows.codes.size() * 32 / bits; ++i) {
    const std::uint32_t word = rows.codes[i * bits / 32];
    const std::uint32_t code = word >> (i * bits % 32) & ((1u << bits) - 1);
    values.push_back(from_half_bits(rows.scales[i / group_size], dtype) * static_cast<float>(code) +
                     from_half_bits(rows.biases[i / group_size], dtype));
  }
  return values;
}

double error_of(const std::vector<float>& stored, const std::vector<float>& given) {
  double sum = 0;
  for (std::size_t i = 0; i < given.size(); ++i) sum += std::pow(double{stored[i]} - given[i], 2);
  return sum;
}

struct Case {
  int bits, group_size;
  checkpoint::Dtype dtype;
};

class AffineQuantizerTest : public ::testing::TestWithParam<Case> {
 protected:
  Quantization quantization_{GetParam().bits, GetParam().group_size};
  checkpoint::Dtype dtype_ = GetParam().dtype;

  std::vector<float> stored(const std::vector<float>& values) const {
    return dequantized(quantize_rows(values, quantization_, dtype_), quantization_, dtype_);
  }
};

TEST_P(AffineQuantizerTest, ErrorsAreCountedAndNoLargerThanThoseOfMlx) {
  const int columns = 256, rows = 40;
  std::vector<float> values = noise(rows * columns, 7);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] *= 0.02f * static_cast<float>(1 + i / 1000 % 5);
  }
  values[100] = 3.0f;  // an outlier
  const QuantizedRows result = quantize_rows(values, quantization_, dtype_);
  const std::vector<float> ours = dequantized(result, quantization_, dtype_);
  EXPECT_NEAR(result.squared_error, error_of(ours, values), 1e-6 * result.squared_error);

  const mx::Dtype dtype = dtype_ == checkpoint::Dtype::kFloat16 ? mx::float16 : mx::bfloat16;
  const mx::array given(values.data(), {rows, columns}, mx::float32);
  const auto parts =
      mx::quantize(mx::astype(given, dtype), quantization_.group_size, quantization_.bits);
  mx::array theirs =
      mx::dequantize(parts[0], mx::astype(parts[1], mx::float32), mx::astype(parts[2], mx::float32),
                     quantization_.group_size, quantization_.bits);
  theirs.eval();
  const std::vector<float> reference(theirs.data<float>(), theirs.data<float>() + values.size());
  EXPECT_LE(result.squared_error, 1.02 * error_of(reference, values));
}

TEST_P(AffineQuantizerTest, ConstantsAndZeroAreExactAsFarAsTheirTypeGoes) {
  for (const float constant : {0.0f, 1.0f, -0.5f, 1024.0f}) {
    for (const float value : stored(std::vector<float>(128, constant))) {
      EXPECT_EQ(value, constant);
    }
  }
  // Zero among others is exact, too: half of a table of embeddings may be zeros.
  std::vector<float> values(128, 0.0f);
  values[5] = 0.75f;
  values[77] = -0.25f;
  const std::vector<float> result = stored(values);
  EXPECT_NEAR(result[6], 0.0f, 0.75f * 0.004f);
  EXPECT_EQ(result[5], 0.75f);
}

TEST_P(AffineQuantizerTest, TinyGroupsStayFinite) {
  for (const float value : {1e-30f, -1e-12f, 1e-7f}) {
    for (const float back : stored(std::vector<float>(128, value))) {
      EXPECT_NEAR(back, value, 1e-7);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, AffineQuantizerTest,
                         ::testing::Values(Case{8, 64, checkpoint::Dtype::kFloat16},
                                           Case{8, 32, checkpoint::Dtype::kBfloat16},
                                           Case{4, 64, checkpoint::Dtype::kFloat16},
                                           Case{4, 128, checkpoint::Dtype::kBfloat16}));

TEST(HalfBitsTest, RoundTripsAndRoundsToNearestEven) {
  for (const checkpoint::Dtype dtype :
       {checkpoint::Dtype::kFloat16, checkpoint::Dtype::kBfloat16}) {
    for (const float value : {0.0f, 1.0f, -2.5f, 0.333251953125f}) {
      const float once = from_half_bits(to_half_bits(value, dtype), dtype);
      EXPECT_EQ(from_half_bits(to_half_bits(once, dtype), dtype), once);
      EXPECT_NEAR(once, value, std::abs(value) * 0.004);
    }
  }
  EXPECT_EQ(to_half_bits(1.0f + 0x1p-11f, checkpoint::Dtype::kFloat16),
            to_half_bits(1.0f, checkpoint::Dtype::kFloat16));
  EXPECT_EQ(to_half_bits(1.0f + 0x1p-8f, checkpoint::Dtype::kBfloat16),
            to_half_bits(1.0f, checkpoint::Dtype::kBfloat16));
}

}  // namespace
}  // namespace oko::tensor
