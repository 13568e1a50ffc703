#include "tensor/cpu/matmul.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "tensor/cpu/arm_dot.h"
#include "tests/tensor/amx_targets.h"
#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

using cpu::ElementType;

constexpr ElementType kTypes[] = {ElementType::kFloat32, ElementType::kFloat16,
                                  ElementType::kBfloat16};
constexpr std::size_t kInputRows[] = {1, 2, 3, 4, 5, 8, 9, 31, 32, 33, 100, 513};
constexpr std::size_t kWeightRows[] = {1, 47, 48, 49, 200};
constexpr std::size_t kMaxInputRows = 513;

/// Numbers of x in a sweep. With an emulator (tools/check/arm.sh) the reference takes most of the
/// time: many rows come with few columns and many columns with few rows.
#ifdef OKO_EMULATED
constexpr std::size_t kMostInput = 35'000;
#else
constexpr std::size_t kMostInput = std::numeric_limits<std::size_t>::max();
#endif

/// Bytes at an odd address with nothing behind them, so that reads past the end show under ASan and
/// aligned loads fault.
class OddBytes {
 public:
  explicit OddBytes(std::size_t size) : bytes_(new std::uint8_t[size + 1]) {}
  std::uint8_t* data() { return bytes_.get() + 1; }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
};

/// A weight matrix as the kernel reads it, and the exact values that its bits stand for.
struct TestWeight {
  TestWeight(std::size_t rows, std::size_t columns, ElementType type, int bits, std::size_t group)
      : data(bits == 0 ? rows * columns * size_of(type) : rows * columns * bits / 8),
        scales(bits == 0 ? 0 : rows * columns / group * size_of(type)),
        biases(bits == 0 ? 0 : rows * columns / group * size_of(type)),
        values(rows * columns),
        magnitudes(rows * columns),
        code_parts(bits == 0 ? 0 : rows * columns) {
    matrix = {rows, columns, data.data(), type, bits, group, scales.data(), biases.data()};
    if (bits == 0) {
      fill_dense();
    } else {
      fill_quantized();
    }
  }

  void fill_dense() {
    std::vector<float> random = noise(values.size(), 1);
    for (std::size_t i = 0; i < random.size(); i += 5) random[i] *= 1e-6f;  // subnormal in f16
    encode(random, matrix.type, data.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = decode(data.data(), matrix.type, i);
      magnitudes[i] = std::fabs(values[i]);
    }
  }

  void fill_quantized() {
    const std::size_t groups = values.size() / matrix.group_size;
    encode(noise(groups, 2, 0.01f), matrix.type, scales.data());
    encode(noise(groups, 3, 0.1f), matrix.type, biases.data());
    std::mt19937 random(4);
    for (std::size_t i = 0; i < values.size() * matrix.bits / 8; ++i) {
      data.data()[i] = static_cast<std::uint8_t>(random());
    }
    fill_values();
  }

  /// The values of the codes.
  void fill_values() {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const int code = matrix.bits == 8 ? data.data()[i] : data.data()[i / 2] >> (i % 2 * 4) & 15;
      const double scale = decode(scales.data(), matrix.type, i / matrix.group_size);
      const double bias = decode(biases.data(), matrix.type, i / matrix.group_size);
      values[i] = scale * code + bias;
      code_parts[i] = scale * code;
      magnitudes[i] = std::fabs(scale * code) + std::fabs(bias);
    }
  }

  OddBytes data, scales, biases;
  cpu::WeightMatrix matrix;
  std::vector<double> values;
  std::vector<double> magnitudes;  ///< what rounding errors are relative to
  std::vector<double> code_parts;  ///< quantized: the values without their biases
};

/// The largest rounding error of a group in the integer kernels: half a step, if its largest number
/// becomes `limit`.
template <typename Number>
double half_step(const Number* group, std::size_t size, double limit) {
  double largest = 0.0;
  for (std::size_t k = 0; k < size; ++k) largest = std::max<double>(largest, std::fabs(group[k]));
  return largest / (2 * limit) * 1.0001;  // 1 / scale is itself rounded
}

/// True if x becomes numbers of 8 bits on the target that the kernels are bound to.
bool uses_bytes(const cpu::WeightMatrix& weight, cpu::Precision precision) {
  return precision == cpu::Precision::kInt8Activations && weight.bits == 8 &&
         (hwy::SupportedTargets() == HWY_AVX3_DL || cpu::arm_dot() != cpu::ArmDot::kNone);
}

/// The largest change by rounding x and, if it is rounded, the weight.
double rounding_of_group(const TestWeight& weight, std::size_t row, const float* x, std::size_t k,
                         std::size_t count, double x_error, double w_error, bool codes_only) {
  double bound = 0.0;
  const double* w =
      &(codes_only ? weight.code_parts : weight.values)[row * weight.matrix.columns + k];
  for (std::size_t j = 0; j < count; ++j) {
    bound += std::fabs(w[j]) * x_error + (std::fabs(x[k + j]) + x_error) * w_error;
  }
  return bound;
}

double integer_bound(const TestWeight& weight, std::size_t row, const float* x) {
  const std::size_t columns = weight.matrix.columns;
  const bool dense = weight.matrix.bits == 0;
  const std::size_t size = dense ? 64 : weight.matrix.group_size;
  double bound = 0.0;
  for (std::size_t k = 0; k < columns; k += size) {
    const std::size_t count = std::min(size, columns - k);
    const double x_error = half_step(x + k, count, dense ? 16'383 : 32'767);
    const double w_error = dense ? half_step(&weight.values[row * columns + k], count, 2'047) : 0.0;
    bound += rounding_of_group(weight, row, x, k, count, x_error, w_error, !dense);
  }
  return bound;
}

/// Both x and the weight become bytes with a scale for 128 columns; where the weight's groups are
/// of that size, its codes stay.
double byte_bound(const TestWeight& weight, std::size_t row, const float* x) {
  const cpu::WeightMatrix& matrix = weight.matrix;
  double bound = 0.0;
  for (std::size_t k = 0; k < matrix.columns; k += 128) {
    const std::size_t count = std::min<std::size_t>(128, matrix.columns - k);
    double least = INFINITY, largest = -INFINITY;  // that a code could stand for
    for (std::size_t j = k; j < k + count; j += matrix.group_size) {
      const std::size_t group = (row * matrix.columns + j) / matrix.group_size;
      const double scale =
          decode(static_cast<const std::uint8_t*>(matrix.scales), matrix.type, group);
      const double bias =
          decode(static_cast<const std::uint8_t*>(matrix.biases), matrix.type, group);
      least = std::min({least, bias, bias + 255 * scale});
      largest = std::max({largest, bias, bias + 255 * scale});
    }
    const double w_error = matrix.group_size == 128 ? 0.0 : (largest - least) / 255 / 2 * 1.0001;
    bound += rounding_of_group(weight, row, x, k, count, half_step(x + k, count, 127), w_error,
                               /*codes_only=*/false);
  }
  return bound;
}

/// Compares every element of y for few rows of x, and of many rows a seventh, spread so that every
/// row and every column is among them.
void expect_product(const TestWeight& weight, const std::vector<float>& x, std::size_t m,
                    const float* bias, const std::vector<float>& y, cpu::Precision precision) {
  const std::size_t rows = weight.matrix.rows;
  const std::size_t columns = weight.matrix.columns;
  const std::size_t step = m <= 5 ? 1 : 7;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t r = i % step; r < rows; r += step) {
      double sum = bias != nullptr ? bias[r] : 0.0;
      double magnitude = std::fabs(sum);
      const bool bytes = uses_bytes(weight.matrix, precision);
      const bool integer = precision != cpu::Precision::kFloat32;
      double bound = bytes     ? byte_bound(weight, r, &x[i * columns])
                     : integer ? integer_bound(weight, r, &x[i * columns])
                               : 0.0;
      for (std::size_t k = 0; k < columns; ++k) {
        sum += weight.values[r * columns + k] * x[i * columns + k];
        magnitude += weight.magnitudes[r * columns + k] * std::fabs(x[i * columns + k]);
      }
      // Three roundings besides the sum's: the weight's, the group's and the bias's.
      const double error = std::fabs(y[i * rows + r] - sum);
      bound += rounding_bound(columns + 3, magnitude);
      if (!(error <= bound) && wrong++ == 0) {
        ADD_FAILURE() << "y[" << i << "][" << r << "] = " << y[i * rows + r] << ", expected " << sum
                      << " ± " << bound;
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(std::isnan(y[m * rows])) << "wrote past the end";
}

void check_all_sizes(std::size_t columns, ElementType type, int bits, std::size_t group,
                     cpu::Precision precision = cpu::Precision::kFloat32) {
  const std::vector<float> x = noise(kMaxInputRows * columns, 5);
  for (const std::size_t rows : kWeightRows) {
    const TestWeight weight(rows, columns, type, bits, group);
    const std::vector<float> bias = noise(rows, 6);
    for (const std::size_t m : kInputRows) {
      if (m > 100 && cpu::uses_amx()) continue;  // emulated, a tile takes microseconds
      if (m * columns > kMostInput) continue;
      SCOPED_TRACE(::testing::Message() << m << " x " << columns << " x " << rows << ", type "
                                        << static_cast<int>(type) << ", group " << group);
      const float* some_bias = m % 2 == 0 ? bias.data() : nullptr;
      std::vector<float> y(m * rows + 1, std::numeric_limits<float>::quiet_NaN());
      cpu::matmul(x.data(), m, weight.matrix, some_bias, y.data(), precision);
      expect_product(weight, x, m, some_bias, y, precision);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

class MatmulTest : public AmxTargetTest {};

TEST_P(MatmulTest, DenseEqualsExactProductForOddSizes) {
  for (const ElementType type : kTypes) {
    for (const std::size_t columns : {1, 7, 67, 256, 301}) check_all_sizes(columns, type, 0, 0);
  }
}

TEST_P(MatmulTest, FourBitsEqualExactProductForAllGroupsAndScaleTypes) {
  for (const ElementType type : kTypes) {
    for (const std::size_t group : {32, 64, 128}) {
      check_all_sizes(group, type, 4, group);
      check_all_sizes(3 * group, type, 4, group);
    }
  }
}

TEST_P(MatmulTest, EightBitsEqualExactProductForAllGroupsAndScaleTypes) {
  for (const ElementType type : kTypes) {
    for (const std::size_t group : {32, 64, 128}) {
      check_all_sizes(group, type, 8, group);
      check_all_sizes(3 * group, type, 8, group);
    }
  }
}

TEST_P(MatmulTest, IntegerProductsStayWithinTheRoundingOfTheirInput) {
  for (const int bits : {4, 8}) {
    for (const std::size_t group : {32, 64, 128}) {
      for (const std::size_t groups : {1, 3, 20}) {
        if (OKO_SANITIZED && groups == 20 && group != 64) continue;
        check_all_sizes(groups * group, ElementType::kBfloat16, bits, group,
                        cpu::Precision::kInt16Activations);
      }
    }
  }
}

TEST_P(MatmulTest, ByteProductsStayWithinTheRoundingOfTheirInput) {
  for (const int bits : {4, 8}) {
    for (const std::size_t group : {32, 64, 128}) {
      for (const std::size_t groups : {1, 3, 20}) {
        if (OKO_SANITIZED && groups == 20 && group != 64) continue;
        check_all_sizes(groups * group, ElementType::kFloat16, bits, group,
                        cpu::Precision::kInt8Activations);
      }
    }
  }
}

/// Both precisions with AMX and without. Sums of tiles are whole numbers, as those of vectors are,
/// and what follows is computed alike.
void expect_bits_of_vectors(const TestWeight& weight, std::size_t m) {
  const std::vector<float> x = noise(m * weight.matrix.columns, 8);
  for (const auto precision :
       {cpu::Precision::kInt16Activations, cpu::Precision::kInt8Activations}) {
    std::vector<float> tiles(m * weight.matrix.rows), vectors(tiles.size());
    cpu::use_amx(true);
    cpu::matmul(x.data(), m, weight.matrix, nullptr, tiles.data(), precision);
    cpu::use_amx(false);
    cpu::matmul(x.data(), m, weight.matrix, nullptr, vectors.data(), precision);
    EXPECT_EQ(std::memcmp(tiles.data(), vectors.data(), tiles.size() * sizeof(float)), 0)
        << m << " x " << weight.matrix.columns << " x " << weight.matrix.rows << ", "
        << weight.matrix.bits << " bits, group " << weight.matrix.group_size;
  }
}

/// Rows of x, rows of weights and groups around the ends of tiles, panels, slices and blocks.
TEST_P(MatmulTest, AmxGivesTheBitsOfVectors) {
  if (!GetParam().amx) GTEST_SKIP() << "AMX is what is compared";
  const auto products_before = emulated_products();
  for (const int bits : {4, 8}) {
    for (const std::size_t group : {32, 64, 128}) {
      for (const std::size_t groups : {1, 5}) {
        for (const std::size_t rows : {1, 33, 130}) {
          const TestWeight weight(rows, groups * group, ElementType::kFloat16, bits, group);
          for (const std::size_t m : {9, 16, 17, 33, 49}) expect_bits_of_vectors(weight, m);
        }
      }
    }
    expect_bits_of_vectors({33, 64, ElementType::kFloat16, bits, 64}, 1024 + 10);
  }
  if (products_before) {
    EXPECT_GT(*emulated_products(), *products_before) << "nothing was compared";
  }
}

/// A product with Arm's products of bytes of one kind.
std::vector<float> product_with(cpu::ArmDot dot, const TestWeight& weight,
                                const std::vector<float>& x, cpu::Precision precision) {
  cpu::use_arm_dot(dot);
  const std::size_t m = x.size() / weight.matrix.columns;
  std::vector<float> y(m * weight.matrix.rows);
  cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(), precision);
  return y;
}

TEST_P(MatmulTest, ArmsProductsOfBytesGiveTheBitsOfVectors) {
  const cpu::ArmDot dot = GetParam().arm_dot;
  if (dot == cpu::ArmDot::kNone) GTEST_SKIP() << "they are what is compared";
  for (const int bits : {4, 8}) {
    for (const std::size_t group : {32, 64, 128}) {
      const TestWeight weight(47, 5 * group, ElementType::kFloat16, bits, group);
      for (const std::size_t m : {1, 3, 4, 9, 16, 19}) {
        const std::vector<float> x = noise(m * 5 * group, 8);
        const auto halves = cpu::Precision::kInt16Activations;
        EXPECT_EQ(product_with(dot, weight, x, halves),
                  product_with(cpu::ArmDot::kNone, weight, x, halves))
            << bits << " bits, group " << group << ", " << m << " rows";
        // Without them bytes are not used: the two kinds are compared.
        EXPECT_EQ(product_with(dot, weight, x, cpu::Precision::kInt8Activations),
                  product_with(cpu::ArmDot::kDot, weight, x, cpu::Precision::kInt8Activations))
            << bits << " bits, group " << group << ", " << m << " rows";
      }
    }
  }
}

TEST_P(MatmulTest, ByteProductsOfARowDoNotDependOnOtherRows) {
  for (const std::size_t group : {64, 128}) {
    const TestWeight weight(131, 1024, ElementType::kFloat16, 8, group);
    const std::vector<float> x = noise(40 * 1024, 8);
    std::vector<float> together(40 * 131);
    cpu::matmul(x.data(), 40, weight.matrix, nullptr, together.data(),
                cpu::Precision::kInt8Activations);
    for (std::size_t i = 0; i < 40; ++i) {
      std::vector<float> alone(131);
      cpu::matmul(&x[i * 1024], 1, weight.matrix, nullptr, alone.data(),
                  cpu::Precision::kInt8Activations);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + i * 131)) << i;
    }
  }
}

/// Every product of a group at its largest: all codes 255, all of x alike.
TEST_P(MatmulTest, ByteExtremesDoNotOverflow) {
  for (const float sign : {-1.0f, 1.0f}) {
    TestWeight weight(33, 1280, ElementType::kFloat32, 8, 128);
    std::fill_n(weight.data.data(), weight.values.size(), std::uint8_t{255});
    for (std::size_t i = 0; i < weight.values.size(); ++i) {
      const std::size_t group = i / 128;
      float scale, bias;
      std::memcpy(&scale, weight.scales.data() + 4 * group, 4);
      std::memcpy(&bias, weight.biases.data() + 4 * group, 4);
      weight.code_parts[i] = 255.0 * scale;
      weight.values[i] = 255.0 * scale + bias;
      weight.magnitudes[i] = std::fabs(255.0 * scale) + std::fabs(bias);
    }
    const std::vector<float> x(9 * 1280, sign * 7.5f);
    std::vector<float> y(9 * 33 + 1, std::numeric_limits<float>::quiet_NaN());
    cpu::matmul(x.data(), 9, weight.matrix, nullptr, y.data(), cpu::Precision::kInt8Activations);
    expect_product(weight, x, 9, nullptr, y, cpu::Precision::kInt8Activations);
  }
}

TEST_P(MatmulTest, IntegerProductsOfDenseWeightsStayWithinTheirRounding) {
  for (const ElementType type : kTypes) {
    for (const std::size_t columns : {1, 63, 64, 65, 256, 301}) {
      check_all_sizes(columns, type, 0, 0, cpu::Precision::kInt16Activations);
    }
  }
}

/// Every product of a group at its largest.
TEST_P(MatmulTest, IntegerProductsOfDenseExtremesDoNotOverflow) {
  for (const double sign : {-1.0, 1.0}) {
    TestWeight weight(33, 1280, ElementType::kBfloat16, 0, 0);
    encode(std::vector<float>(33 * 1280, 3.0f), ElementType::kBfloat16, weight.data.data());
    std::fill(weight.values.begin(), weight.values.end(), 3.0);
    std::fill(weight.magnitudes.begin(), weight.magnitudes.end(), 3.0);
    const std::vector<float> x(9 * 1280, static_cast<float>(sign) * 1e4f);
    std::vector<float> y(9 * 33 + 1, std::numeric_limits<float>::quiet_NaN());
    cpu::matmul(x.data(), 9, weight.matrix, nullptr, y.data(), cpu::Precision::kInt16Activations);
    expect_product(weight, x, 9, nullptr, y, cpu::Precision::kInt16Activations);
  }
}

/// Codes, inputs and scales at the ends of their ranges: sums of 16 bits would overflow first here.
TEST_P(MatmulTest, IntegerProductsOfExtremesDoNotOverflow) {
  for (const int bits : {4, 8}) {
    TestWeight weight(33, 1280, ElementType::kFloat32, bits, 128);
    std::fill_n(weight.data.data(), weight.matrix.rows * weight.matrix.columns * bits / 8, 0xFF);
    weight.fill_values();
    for (const float sign : {-1.0f, 1.0f}) {
      const std::vector<float> x(9 * 1280, sign * 1e4f);
      for (const std::size_t m : {1, 9}) {
        std::vector<float> y(m * 33 + 1, std::numeric_limits<float>::quiet_NaN());
        cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(),
                    cpu::Precision::kInt16Activations);
        expect_product(weight, x, m, nullptr, y, cpu::Precision::kInt16Activations);
      }
    }
  }
}

TEST_P(MatmulTest, IntegerProductsPropagateNaN) {
  const TestWeight weight(33, 128, ElementType::kBfloat16, 4, 64);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const std::size_t m : {1, 9}) {
      std::vector<float> x = noise(m * 128, 8), y(m * 33);
      x[70] = bad;
      cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(), cpu::Precision::kInt16Activations);
      EXPECT_FALSE(std::isfinite(y.front()));
      EXPECT_EQ(std::isfinite(y.back()), m > 1) << "only the row that holds it";
    }
  }
}

/// Vectors of an input's scales and sums reach past the row: into the next one, or stale memory.
TEST_P(MatmulTest, IntegerProductsDoNotReadBeyondTheirRow) {
  const TestWeight weight(33, 192, ElementType::kBfloat16, 4, 64);
  for (const std::size_t m : {2, 3, 4, 8, 9}) {
    std::vector<float> x = noise(m * 192, 8), y(m * 33);
    std::fill(x.begin() + 192, x.end(), std::numeric_limits<float>::quiet_NaN());
    for (const std::size_t rows : {m, std::size_t{1}}) {
      cpu::matmul(x.data(), rows, weight.matrix, nullptr, y.data(),
                  cpu::Precision::kInt16Activations);
      for (std::size_t r = 0; r < 33; ++r) EXPECT_TRUE(std::isfinite(y[r])) << rows;
    }
  }
}

/// A vector of scales that starts at a row's last groups holds the next row's too.
TEST_P(MatmulTest, IntegerProductsOfARowDoNotSeeTheScalesOfTheNext) {
  for (const std::size_t columns : {32, 96, 640}) {
    TestWeight weight(9, columns, ElementType::kFloat32, 4, 32);
    const std::size_t groups = columns / 32;
    const std::vector<float> bad(8 * groups, std::numeric_limits<float>::quiet_NaN());
    for (OddBytes* part : {&weight.scales, &weight.biases}) {
      encode(bad, ElementType::kFloat32, part->data() + groups * sizeof(float));
    }
    for (const std::size_t m : {1, 4, 9}) {
      const std::vector<float> x = noise(m * columns, 8);
      std::vector<float> y(m * 9);
      cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(), cpu::Precision::kInt16Activations);
      for (std::size_t i = 0; i < m; ++i) EXPECT_TRUE(std::isfinite(y[i * 9])) << columns;
    }
  }
}

TEST_P(MatmulTest, IntegerProductsAcceptZerosAndSubnormals) {
  const TestWeight weight(33, 128, ElementType::kBfloat16, 4, 64);
  for (const float value : {0.0f, 1e-38f, 1e-42f}) {
    for (const std::size_t m : {1, 9}) {
      const std::vector<float> x(m * 128, value);
      std::vector<float> y(m * 33);
      cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(), cpu::Precision::kInt16Activations);
      for (const float result : y) EXPECT_LE(std::fabs(result), 1e-34f);
    }
  }
}

TEST_P(MatmulTest, ManyColumnsStayWithinTheBound) {
  for (const int bits : {0, 4, 8}) {
    const TestWeight weight(49, 9728, ElementType::kBfloat16, bits, 64);
    const std::vector<float> x = noise(33 * 9728, 7);
    for (const std::size_t m : {1, 4, 33}) {
      std::vector<float> y(m * 49 + 1, std::numeric_limits<float>::quiet_NaN());
      cpu::matmul(x.data(), m, weight.matrix, nullptr, y.data(), cpu::Precision::kFloat32);
      expect_product(weight, x, m, nullptr, y, cpu::Precision::kFloat32);
    }
  }
}

void expect_bits_of_rows_alone(std::size_t columns, int bits, std::size_t group,
                               cpu::Precision precision) {
  const TestWeight weight(70, columns, ElementType::kBfloat16, bits, group);
  const std::vector<float> x = noise(cpu::kMaxGemvRows * columns, 9);
  std::vector<float> alone(cpu::kMaxGemvRows * 70);
  for (std::size_t i = 0; i < cpu::kMaxGemvRows; ++i) {
    cpu::matmul(&x[i * columns], 1, weight.matrix, nullptr, &alone[i * 70], precision);
  }
  for (std::size_t m = 2; m <= cpu::kMaxGemvRows; ++m) {
    std::vector<float> together(m * 70);
    cpu::matmul(x.data(), m, weight.matrix, nullptr, together.data(), precision);
    EXPECT_TRUE(std::equal(together.begin(), together.end(), alone.begin()))
        << bits << " bits, " << columns << " columns in groups of " << group << ", " << m
        << " rows";
  }
}

/// Columns of 5 groups, and of blocks of 16 groups with a half and with another part of one.
TEST_P(MatmulTest, AFewRowsGiveTheBitsOfEachRowAlone) {
  for (const auto precision : {cpu::Precision::kFloat32, cpu::Precision::kInt16Activations}) {
    expect_bits_of_rows_alone(320, 0, 0, precision);
    for (const int bits : {4, 8}) {
      for (const std::size_t group : {32, 64, 128}) {
        for (const std::size_t groups : {5, 24, 25}) {
          expect_bits_of_rows_alone(groups * group, bits, group, precision);
        }
      }
    }
  }
}

TEST_P(MatmulTest, ProductsThatShareAnInputGiveTheBitsOfEachAlone) {
  for (const auto precision : {cpu::Precision::kFloat32, cpu::Precision::kInt16Activations}) {
    const TestWeight weights[] = {
        {200, 192, ElementType::kBfloat16, 4, 64},
        {1, 192, ElementType::kBfloat16, 4, 64},
        {70, 192, ElementType::kBfloat16, precision == cpu::Precision::kFloat32 ? 8 : 4, 64}};
    const std::vector<float> bias = noise(200, 6);
    for (const std::size_t m : {1, 3, 9}) {
      const std::vector<float> x = noise(m * 192, 9);
      std::vector<std::vector<float>> together, alone;
      std::vector<cpu::GemmTask> products;
      for (const TestWeight& weight : weights) {
        const std::size_t size = m * weight.matrix.rows;
        products.push_back({weight.matrix, bias.data(), together.emplace_back(size).data()});
        cpu::matmul(x.data(), m, weight.matrix, bias.data(), alone.emplace_back(size).data(),
                    precision);
      }
      cpu::matmul(x.data(), m, products, precision);
      EXPECT_EQ(together, alone) << m;
    }
  }
}

TEST_P(MatmulTest, GeluAndResidualFollowTheProduct) {
  constexpr std::size_t kRows = 150, kColumns = 256;
  for (const int bits : {0, 4, 8}) {
    const TestWeight weight(kRows, kColumns, ElementType::kFloat16, bits, 64);
    const std::vector<float> bias = noise(kRows, 6);
    for (const auto precision : {cpu::Precision::kFloat32, cpu::Precision::kInt16Activations,
                                 cpu::Precision::kInt8Activations}) {
      for (const std::size_t m : {1, 7, 20}) {
        const std::vector<float> x = noise(m * kColumns, 9, 0.1f);
        const std::vector<float> residual = noise(m * kRows, 10);
        std::vector<float> plain(m * kRows), both(m * kRows);
        cpu::GemmTask product{weight.matrix, bias.data(), plain.data()};
        cpu::matmul(x.data(), m, {&product, 1}, precision);
        product = {weight.matrix, bias.data(), both.data(), cpu::Activation::kGelu,
                   residual.data()};
        cpu::matmul(x.data(), m, {&product, 1}, precision);
        for (std::size_t i = 0; i < both.size(); ++i) {
          const double y = plain[i];
          const double expected = y / 2 * (1 + std::erf(y / std::sqrt(2.0))) + residual[i];
          ASSERT_NEAR(both[i], expected, 1e-6 * (1 + std::abs(y))) << bits << " bits, " << m;
        }
      }
    }
  }
}

TEST_P(MatmulTest, ZeroRowsOfInputWriteNothing) {
  for (const int bits : {0, 4, 8}) {
    const TestWeight weight(5, 64, ElementType::kFloat16, bits, 64);
    std::vector<float> y(1, 42.0f);
    cpu::matmul(nullptr, 0, weight.matrix, nullptr, y.data(), cpu::Precision::kFloat32);
    EXPECT_EQ(y[0], 42.0f);
  }
}

OKO_FOR_EVERY_TARGET_AND_AMX(MatmulTest);

}  // namespace
}  // namespace oko::tensor
