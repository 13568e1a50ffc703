// Arm's products of bytes with a model of their instructions: what is packed for them, and the sums
// that come out, on any processor. tools/check/arm.sh runs the instructions themselves.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#define HWY_COMPILE_ONLY_STATIC
#include "tensor/cpu/pair_dot-inl.h"

#if HWY_TARGET != HWY_NEON
namespace oko::tensor::cpu::HWY_NAMESPACE {

template <typename Of, typename A, typename B>
SumVector model_of(SumVector sum, SumVector a, SumVector b, Of of) {
  std::int32_t sums[4];
  A left[16];
  B right[16];
  std::memcpy(left, &a, sizeof(left));
  std::memcpy(right, &b, sizeof(right));
  std::memcpy(sums, &sum, sizeof(sums));
  of(sums, left, right);
  std::memcpy(&sum, sums, sizeof(sums));
  return sum;
}

template <typename Number>
SumVector model_of_dot(SumVector sum, SumVector a, SumVector b) {
  const auto of = [](std::int32_t* sums, const Number* left, const Number* right) {
    for (int j = 0; j < 16; ++j) sums[j / 4] += left[j] * right[j];
  };
  return model_of<decltype(of), Number, Number>(sum, a, b, of);
}

inline SumVector add_signed_dot(SumVector sum, SumVector a, SumVector b) {
  return model_of_dot<std::int8_t>(sum, a, b);
}

inline SumVector add_unsigned_dot(SumVector sum, SumVector a, SumVector b) {
  return model_of_dot<std::uint8_t>(sum, a, b);
}

template <bool kUnsigned>
SumVector add_matrix_dot(SumVector sum, SumVector a, SumVector b) {
  using Right = std::conditional_t<kUnsigned, std::uint8_t, std::int8_t>;
  const auto of = [](std::int32_t* sums, const std::uint8_t* left, const Right* right) {
    for (int j = 0; j < 32; ++j)
      sums[j / 8] += left[j / 16 * 8 + j % 8] * right[j / 8 % 2 * 8 + j % 8];
  };
  return model_of<decltype(of), std::uint8_t, Right>(sum, a, b, of);
}

}  // namespace oko::tensor::cpu::HWY_NAMESPACE

#define OKO_MODEL_OF_ARM_DOT
#endif
#include "tensor/cpu/arm_dot-inl.h"

namespace oko::tensor::cpu::HWY_NAMESPACE {
namespace {

constexpr std::size_t kGroups = 3, kColumns = 64;

/// Codes of a panel, as bytes and in both orders, and rows of x in halves.
struct Numbers {
  explicit Numbers(int bits) : panel_words(kGroups * kColumns / 4 * panel_rows()) {
    std::mt19937 random(7);
    codes.resize(panel_rows() * kGroups * kColumns);
    for (auto& code : codes) code = static_cast<std::uint8_t>(random() >> (32 - bits));
    codes[0] = bits == 4 ? 15 : 255;
    transpose_rows(codes.data(), panel_rows(), kGroups * kColumns, kGroups * kColumns / 4,
                   panel_rows(), panel_words.data());
    x.rows = kTileInputs;
    x.depth = kGroups * kColumns;
    x.group_size = kColumns;
    x.groups = kGroups;
    x.in_tiles = true;
    x.q.resize(2 * x.rows * x.depth);
    x.scales.assign(x.rows * kGroups, 1.0f);
    x.sums.assign(x.rows * kGroups, 0.0f);
    whole.resize(x.rows * x.depth);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      whole[i] =
          i < 4 ? (i % 2 == 0 ? -32'767 : 32'767) : static_cast<int>(random() % 65'535) - 32'767;
      std::byte* row = x.row(0, i / x.depth) + i % x.depth;
      row[0] = static_cast<std::byte>(whole[i]);
      row[x.depth] = static_cast<std::byte>(whole[i] >> 8);
    }
    ones.assign(kGroups * panel_rows(), 1.0f);
    zeros.assign(kGroups * panel_rows(), 0.0f);
  }

  /// The sums of all groups, each of which is a whole number.
  std::vector<float> expected(std::size_t inputs) const {
    std::vector<float> sums(inputs * panel_rows());
    for (std::size_t t = 0; t < inputs; ++t) {
      for (std::size_t r = 0; r < panel_rows(); ++r) {
        float& sum = sums[t * panel_rows() + r];
        for (std::size_t g = 0; g < kGroups; ++g) {
          std::int32_t dot = 0;
          for (std::size_t k = g * kColumns; k < (g + 1) * kColumns; ++k) {
            dot += codes[r * kGroups * kColumns + k] * whole[t * x.depth + k];
          }
          sum += static_cast<float>(dot);
        }
      }
    }
    return sums;
  }

  template <std::size_t kInputs>
  std::vector<float> run(bool matrix, int bits) {
    AlignedVector<std::uint32_t> words = panel_words;
    if (matrix) pair_words(words.data(), kGroups * kColumns / 4);
    AlignedVector<float> sums(kInputs * panel_rows());
    multiply_arm_tile<kInputs>({words.data(), ones.data(), zeros.data(), kGroups, kColumns}, matrix,
                               bits, x, 0, 0, sums.data());
    return {sums.begin(), sums.end()};
  }

  std::vector<std::uint8_t> codes;
  AlignedVector<std::uint32_t> panel_words;
  IntegerInput x;
  std::vector<int> whole;
  AlignedVector<float> ones, zeros;
};

/// Without matrices and with them; those that an Arm processor here lacks are left out.
std::vector<bool> ways() {
  if (HWY_TARGET != HWY_NEON || arm_dot() == ArmDot::kMatrix) return {false, true};
  return arm_dot() == ArmDot::kDot ? std::vector{false} : std::vector<bool>();
}

TEST(ArmDotTest, HalvesGiveTheWholeNumbersOfSixteenBits) {
  for (const int bits : {4, 8}) {
    Numbers numbers(bits);
    for (const bool matrix : ways()) {
      EXPECT_EQ(numbers.run<1>(matrix, bits), numbers.expected(1)) << bits << matrix;
      EXPECT_EQ(numbers.run<2>(matrix, bits), numbers.expected(2)) << bits << matrix;
      EXPECT_EQ(numbers.run<kTileInputs>(matrix, bits), numbers.expected(kTileInputs))
          << bits << matrix;
    }
  }
}

TEST(ArmDotTest, BytesGiveTheirWholeNumbers) {
  Numbers numbers(8);
  numbers.x.item = 1;
  for (std::size_t i = 0; i < numbers.whole.size(); ++i) {
    numbers.whole[i] >>= 8;
    numbers.x.q[i] = static_cast<std::byte>(numbers.whole[i]);
  }
  for (const bool matrix : ways()) {
    EXPECT_EQ(numbers.run<kTileInputs>(matrix, 8), numbers.expected(kTileInputs)) << matrix;
  }
}

}  // namespace
}  // namespace oko::tensor::cpu::HWY_NAMESPACE
