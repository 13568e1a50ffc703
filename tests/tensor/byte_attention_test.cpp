#include "tensor/cpu/byte_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "tests/tensor/amx_targets.h"
#include "tests/tensor/numbers.h"

namespace oko::tensor {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Texts of random numbers, and the kernel's result for them.
struct Texts {
  Texts(const std::vector<int>& lengths, std::size_t heads, std::size_t head_dim,
        float deviation = 1)
      : heads(heads), head_dim(head_dim) {
    for (const int length : lengths) cu_seqlens.push_back(cu_seqlens.back() + length);
    const std::size_t count = tokens() * heads * head_dim;
    queries = noise(count, 1, deviation);
    keys = noise(count, 2);
    values = noise(count, 3);
  }

  std::size_t tokens() const { return static_cast<std::size_t>(cu_seqlens.back()); }
  std::size_t row(std::size_t token, std::size_t head) const {
    return (token * heads + head) * head_dim;
  }
  float scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }

  std::vector<float> run() const {
    std::vector<float> output(queries.size(), kNan);
    cpu::byte_attention({queries.data(), keys.data(), values.data(), output.data(), cu_seqlens,
                         heads, head_dim, scale()});
    return output;
  }

  /// The same in f64.
  std::vector<double> reference() const {
    std::vector<double> output(queries.size());
    for (std::size_t text = 0; text + 1 < cu_seqlens.size(); ++text) {
      const auto first = static_cast<std::size_t>(cu_seqlens[text]);
      const auto last = static_cast<std::size_t>(cu_seqlens[text + 1]);
      for (std::size_t q = first; q < last; ++q) {
        for (std::size_t head = 0; head < heads; ++head) attend(q, head, first, last, output);
      }
    }
    return output;
  }

  std::vector<int> cu_seqlens{0};
  std::size_t heads, head_dim;
  std::vector<float> queries, keys, values;

 private:
  void attend(std::size_t q, std::size_t head, std::size_t first, std::size_t last,
              std::vector<double>& output) const {
    std::vector<double> weights;
    for (std::size_t k = first; k < last; ++k) {
      double score = 0;
      for (std::size_t i = 0; i < head_dim; ++i) {
        score += double{queries[row(q, head) + i]} * double{keys[row(k, head) + i]};
      }
      weights.push_back(score * double{scale()});
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - largest);
    for (std::size_t k = first; k < last; ++k) {
      for (std::size_t i = 0; i < head_dim; ++i) {
        output[row(q, head) + i] += weights[k - first] / sum * double{values[row(k, head) + i]};
      }
    }
  }
};

/// ‖a − b‖ / ‖b‖.
double relative_error(const std::vector<float>& a, const std::vector<double>& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += b[i] * b[i];
  }
  return std::sqrt(difference / norm);
}

/// The CPU features that AVX3_DL of Highway needs, as Linux spells them.
TEST(ByteAttentionTargetTest, AProcessorWithVnniIsUsedAsSuch) {
  if (HWY_ARCH_X86 == 0) GTEST_SKIP() << "under qemu the file is of the machine around it";
  std::ifstream file("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (const char* flag :
       {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512vbmi", "avx512_vbmi2",
        "avx512_bitalg", "avx512_vpopcntdq", "gfni", "vaes", "vpclmulqdq"}) {
    if (text.find(flag) == std::string::npos) GTEST_SKIP() << "this processor has no " << flag;
  }
  EXPECT_TRUE(cpu::has_byte_attention(64));
}

class ByteAttentionTest : public AmxTargetTest {
 protected:
  void SetUp() override {
    AmxTargetTest::SetUp();
    if (!cpu::has_byte_attention(64)) GTEST_SKIP() << "this target has no product of bytes";
  }
};

TEST_P(ByteAttentionTest, EqualsExactAttentionUpToEightBits) {
  // Every number has an error of up to 1/254 of the largest of its row: uniform, 0.4 % of a number
  // of deviation 1 where the largest is 3.3. Three products of them: a percent or so.
  for (const std::size_t head_dim : {16u, 32u, 48u, 64u, 80u, 128u, 256u}) {
    const Texts texts({1, 2, 5, 0, 64, 65, 191, 192, 193, 400}, 3, head_dim);
    const double error = relative_error(texts.run(), texts.reference());
    EXPECT_LT(error, 0.02) << head_dim;
    EXPECT_GT(error, 1e-4) << head_dim << ": nothing was rounded";
  }
}

TEST_P(ByteAttentionTest, LongTextIsAsAccurateAsAShortOne) {
  const Texts texts({1500}, 2, 64);
  EXPECT_LT(relative_error(texts.run(), texts.reference()), 0.02);
}

TEST_P(ByteAttentionTest, SharpAttentionIsAsAccurate) {
  const Texts texts({300}, 2, 64, /*deviation=*/8);  // scores of ± 24: a few keys take everything
  EXPECT_LT(relative_error(texts.run(), texts.reference()), 0.05);
}

TEST_P(ByteAttentionTest, WeightsAddUpToOneForScoresOfAnySize) {
  for (const float deviation : {1.0f, 100.0f, 1e5f, 1e10f}) {
    Texts texts({300}, 2, 64, deviation);
    std::fill(texts.values.begin(), texts.values.end(), 1.0f);
    for (const float x : texts.run()) ASSERT_NEAR(x, 1.0f, 1e-5f) << deviation;
  }
}

TEST_P(ByteAttentionTest, KeyThatDrawsMostOfTheAttentionDoesNotSilenceTheOthers) {
  // The first key gets as much as all 1999 others together: each of them is 1/2000 of it.
  Texts texts({2000}, 1, 64, /*deviation=*/0.1f);
  for (std::size_t token = 0; token < texts.tokens(); ++token) {
    texts.queries[texts.row(token, 0)] = std::log(1999.0f) / texts.scale() / 10;
  }
  for (std::size_t i = 0; i < 64; ++i) {
    texts.keys[i] = i == 0 ? 10.0f : 0.0f;
    texts.values[i] = 0;
  }
  for (std::size_t token = 1; token < texts.tokens(); ++token) {
    texts.keys[texts.row(token, 0)] = 0;
    texts.values[texts.row(token, 0)] = 1;  // so the sum of their weights is seen: about a half
  }
  const auto output = texts.run();
  const auto expected = texts.reference();
  for (std::size_t token = 0; token < texts.tokens(); token += 97) {
    EXPECT_NEAR(output[texts.row(token, 0)], expected[texts.row(token, 0)], 0.03) << token;
  }
}

TEST_P(ByteAttentionTest, MeanOfTheKeysCostsNoPrecision) {
  Texts texts({300}, 2, 64);
  for (std::size_t i = 0; i < texts.keys.size(); ++i) {
    texts.keys[i] += i % 64 == 7 ? 100.0f : 10.0f;  // a channel that stands out, as models have
  }
  EXPECT_LT(relative_error(texts.run(), texts.reference()), 0.02);
}

TEST_P(ByteAttentionTest, TextHasTheSameResultInABatch) {
  const std::vector<int> lengths{70, 3, 129, 1, 200};
  const Texts all(lengths, 2, 64);
  const auto together = all.run();
  for (std::size_t text = 0; text < lengths.size(); ++text) {
    Texts alone({lengths[text]}, 2, 64);
    const std::size_t first = all.row(static_cast<std::size_t>(all.cu_seqlens[text]), 0);
    const auto part = [&](const std::vector<float>& of) {
      return std::vector<float>(
          of.begin() + static_cast<std::ptrdiff_t>(first),
          of.begin() + static_cast<std::ptrdiff_t>(first + alone.queries.size()));
    };
    alone.queries = part(all.queries);
    alone.keys = part(all.keys);
    alone.values = part(all.values);
    EXPECT_EQ(alone.run(), part(together)) << lengths[text];
  }
}

TEST_P(ByteAttentionTest, PropagatesNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, infinity, -infinity}) {
    for (auto member : {&Texts::queries, &Texts::keys, &Texts::values}) {
      Texts texts({50, 120, 30}, 2, 32);
      (texts.*member)[texts.row(60, 1) + 5] = bad;
      const auto output = texts.run();
      const auto all_finite = [&](std::size_t token, std::size_t head) {
        const auto first = output.begin() + static_cast<std::ptrdiff_t>(texts.row(token, head));
        return std::all_of(first, first + 32, [](float x) { return std::isfinite(x); });
      };
      EXPECT_FALSE(all_finite(60, 1)) << bad;
      if (member != &Texts::queries) {
        EXPECT_FALSE(all_finite(169, 1)) << bad;  // it is seen by all of its text
      }
      EXPECT_TRUE(all_finite(60, 0) && all_finite(49, 1) && all_finite(170, 1)) << bad;
    }
  }
}

TEST_P(ByteAttentionTest, NumbersOfAnySizeGiveNumbers) {
  for (const float size : {0.0f, 1e-38f, 1e-20f, 1e15f}) {
    Texts texts({130}, 1, 64);
    for (auto* numbers : {&texts.queries, &texts.keys, &texts.values}) {
      for (float& x : *numbers) x *= size;
    }
    for (const float x : texts.run()) ASSERT_TRUE(std::isfinite(x)) << size;
  }
}

/// Texts around the ends of tiles and of blocks of keys, and queries of one to four vectors.
TEST_P(ByteAttentionTest, AmxGivesTheBitsOfVectors) {
  if (!GetParam().amx) GTEST_SKIP() << "AMX is what is compared";
  const auto products_before = emulated_products();
  for (const std::size_t head_dim : {64u, 128u}) {
    Texts texts({1, 3, 16, 17, 32, 33, 50, 64, 65, 100, 191, 193, 400}, 3, head_dim);
    for (const bool nan : {false, true}) {
      if (nan) texts.values[texts.row(70, 1) + 5] = texts.keys[texts.row(500, 0) + 9] = kNan;
      cpu::use_amx(true);
      const auto tiles = texts.run();
      cpu::use_amx(false);
      const auto vectors = texts.run();
      EXPECT_EQ(std::memcmp(tiles.data(), vectors.data(), tiles.size() * sizeof(float)), 0)
          << head_dim;
    }
  }
  if (products_before) {
    EXPECT_GT(*emulated_products(), *products_before) << "nothing was compared";
  }
}

OKO_FOR_EVERY_TARGET_AND_AMX(ByteAttentionTest);

}  // namespace
}  // namespace oko::tensor
