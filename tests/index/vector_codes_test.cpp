#include "index/vector_codes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "index/rotation.h"
#include "tests/index/vectors.h"
#include "tests/tensor/targets.h"

namespace oko::index {
namespace {

class RotationTest : public tensor::TargetTest {};

TEST_P(RotationTest, IsTheSignsAndTheHadamardMatrixOfItsBlocks) {
  // Column j of the matrix: what it makes of unit vector j. Blocks of 32 in 96.
  constexpr std::size_t kSize = 96, kBlock = 32;
  for (std::size_t j = 0; j < kSize; ++j) {
    std::vector<float> column(kSize);
    column[j] = 1.0f;
    rotate(column);
    const float sign = column[j / kBlock * kBlock] > 0.0f ? 1.0f : -1.0f;
    for (std::size_t i = 0; i < kSize; ++i) {
      const bool is_odd = __builtin_popcountll(i % kBlock & j % kBlock) % 2 != 0;
      const double expected =
          i / kBlock == j / kBlock ? (is_odd ? -sign : sign) / std::sqrt(kBlock) : 0.0;
      EXPECT_NEAR(column[i], expected, 1e-7) << i << ", " << j;
    }
  }
}

TEST_P(RotationTest, SignsStayWhatStoredCodesWereMadeWith) {
  std::string signs;
  for (std::size_t j = 0; j < 32; ++j) {
    std::vector<float> column(32);
    column[j] = 1.0f;
    rotate(column);
    signs += column[0] > 0.0f ? '+' : '-';
  }
  EXPECT_EQ(signs, "-+-+-+-+-+-+-----+++--++--++++--");
}

TEST_P(RotationTest, KeepsInnerProductsAndIsUndone) {
  for (const std::size_t dimensions : {32, 384, 1024, 2048}) {
    const VectorSet set = unit_vectors(2, dimensions, 1);
    std::vector<float> a(set.of(0).begin(), set.of(0).end());
    std::vector<float> b(set.of(1).begin(), set.of(1).end());
    rotate(a);
    rotate(b);
    EXPECT_NEAR(inner_product(a, b), inner_product(set.of(0), set.of(1)), 1e-6);
    rotate_back(a);
    for (std::size_t i = 0; i < dimensions; ++i) EXPECT_NEAR(a[i], set.of(0)[i], 1e-6);
  }
}

TEST_P(RotationTest, SpreadsACoordinateThatHoldsAll) {
  std::vector<float> vector(1024);
  vector[5] = 1.0f;
  rotate(vector);
  for (const float x : vector) EXPECT_NEAR(std::fabs(x), 1.0f / 32.0f, 1e-7);
}

OKO_FOR_EVERY_TARGET(RotationTest);

TEST(VectorCodesTest, ComeBackWithinHalfAStepOfTheRotatedVector) {
  for (const std::size_t dimensions : {32, 384, 1024}) {
    for (const std::size_t clusters : {0, 4}) {
      const VectorSet set = unit_vectors(8, dimensions, 2, clusters);
      const CodedSet coded(set);
      for (std::size_t row = 0; row < set.rows(); ++row) {
        const std::span<const std::uint8_t> codes{coded.codes.data() + row * dimensions,
                                                  dimensions};
        std::vector<float> back(dimensions);
        decode_vector(codes, coded.scales[row], back);
        std::vector<float> error(dimensions);
        for (std::size_t i = 0; i < dimensions; ++i) error[i] = back[i] - set.of(row)[i];
        // The rotated error is at most half a step a coordinate, and as the scale fits orthogonal
        // to what was decoded.
        const double bound = 0.51 * coded.scales[row] * std::sqrt(dimensions);
        EXPECT_LT(std::sqrt(inner_product(error, error)), bound);
        EXPECT_NEAR(inner_product(error, back), 0.0, 1e-6);
        rotate(error);
        // Half a step, and what the scale moved of a code of 127.
        for (const float x : error) EXPECT_LT(std::fabs(x), 0.6f * coded.scales[row]);
        for (const std::uint8_t code : codes) EXPECT_GE(code, 1);
      }
    }
  }
}

TEST(VectorCodesTest, FormatStaysWhatFilesHave) {
  // Version 1. A change of these numbers is another kVectorFormat.
  std::vector<float> vector(32);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = static_cast<float>(i % 7) - 2.5f;
  }
  std::vector<std::uint8_t> codes(32);
  const float scale = encode_vector(vector, codes);
  std::string text;
  for (const std::uint8_t code : codes) text += std::to_string(code) + " ";
  EXPECT_EQ(text,
            "123 95 48 133 255 189 104 227 123 76 255 95 142 208 48 152 "
            "104 170 180 170 104 133 180 133 104 152 161 133 142 152 48 133 ");
  EXPECT_NEAR(scale, 0.0375275575f, 1e-8f);
  EXPECT_EQ(kVectorFormat, 1u);
}

TEST(VectorCodesTest, ZerosHaveScaleZeroAndComeBack) {
  for (const float smallest : {0.0f, 1e-40f}) {
    const std::vector<float> zeros(64, smallest);
    std::vector<std::uint8_t> codes(64);
    EXPECT_EQ(encode_vector(zeros, codes), 0.0f);
    std::vector<float> back(64, 1.0f);
    decode_vector(codes, 0.0f, back);
    EXPECT_EQ(back, std::vector<float>(64, 0.0f));
  }
}

TEST(VectorCodesTest, RefuseSizesAndNumbersThatHaveNoCode) {
  for (const std::size_t size : {0, 1, 33, 2080}) {
    std::vector<std::uint8_t> codes(size);
    try {
      encode_vector(std::vector<float>(size, 1.0f), codes);
      ADD_FAILURE() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    }
  }
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> vector(32, 1.0f);
    vector[3] = bad;
    std::vector<std::uint8_t> codes(32);
    try {
      encode_vector(vector, codes);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFailed);
    }
    EXPECT_THROW(QueryCodes{vector}, Error);
  }
}

TEST(VectorCodesTest, AQueryHasFourteenBits) {
  const VectorSet set = unit_vectors(1, 384, 3);
  const QueryCodes query(set.of(0));
  std::vector<float> rotated(set.values);
  rotate(rotated);
  for (std::size_t i = 0; i < rotated.size(); ++i) {
    EXPECT_NEAR(query.scale * static_cast<float>(query.codes[i]), rotated[i], 0.51f * query.scale);
    EXPECT_LE(std::abs(query.codes[i]), 8191);
  }
}

}  // namespace
}  // namespace oko::index
