#include "index/token_codes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "index/rotation.h"
#include "tests/index/vectors.h"
#include "tests/tensor/targets.h"

namespace oko::index {
namespace {

/// Mean over query tokens of the largest inner product, in f64.
double reference_max_sim(const VectorSet& query, const VectorSet& chunk) {
  double sum = 0.0;
  for (std::size_t q = 0; q < query.rows(); ++q) {
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t t = 0; t < chunk.rows(); ++t) {
      best = std::max(best, inner_product(query.of(q), chunk.of(t)));
    }
    sum += best;
  }
  return sum / static_cast<double>(query.rows());
}

/// What `codes` stand for.
VectorSet decoded(std::span<const std::uint8_t> codes, std::size_t dimensions) {
  return {dimensions, decode_tokens(codes)};
}

/// What a query's codes stand for.
VectorSet decoded(const TokenQuery& query) {
  VectorSet set{query.dimensions, {}};
  for (std::size_t token = 0; token < query.tokens; ++token) {
    std::vector<float> vector;
    for (std::size_t i = 0; i < query.dimensions; ++i) {
      vector.push_back(query.scales[token] * query.shorts[token * query.dimensions + i]);
    }
    rotate_back(vector);
    set.values.insert(set.values.end(), vector.begin(), vector.end());
  }
  return set;
}

std::string message_of_damage(std::span<const std::uint8_t> codes) {
  try {
    decode_tokens(codes);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailed);
    return error.what();
  }
  return "none";
}

/// Sum of squares of the differences.
double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return sum;
}

class TokenCodesTargetTest : public tensor::TargetTest {};

TEST_P(TokenCodesTargetTest, ErrorsAreThoseOfTheirBits) {
  // Distortion of a normal distribution (Max 1960): 0.1175 in 2 bits, 0.00954 in 4. A scale that
  // keeps the inner product with the vector itself makes D / (1 - D) of it. The tokens have
  // nothing or much in common.
  for (const auto& [bits, distortion] : {std::pair{2, 0.1331}, {4, 0.00963}, {8, 0.00006}}) {
    for (const std::size_t clusters : {0, 1}) {
      const VectorSet set = unit_vectors(20, 1024, 1, clusters);
      std::vector<float> mean(1024);
      for (std::size_t i = 0; i < set.values.size(); ++i) mean[i % 1024] += set.values[i] / 20;
      const VectorSet back = decoded(encode_tokens(set.values, 1024, bits), 1024);
      ASSERT_EQ(back.rows(), set.rows());
      double error = 0.0, left = 0.0;
      for (std::size_t row = 0; row < set.rows(); ++row) {
        EXPECT_NEAR(inner_product(back.of(row), set.of(row)), 1.0, 0.02);
        error += squared_distance(back.of(row), set.of(row));
        left += squared_distance(mean, set.of(row));
      }
      EXPECT_NEAR(error / left, distortion, 0.08 * distortion + 1e-5) << bits << ", " << clusters;
    }
  }
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

TEST_P(TokenCodesTargetTest, BytesStayWhatIsStored) {
  // Without the scales, whose last bits another compiler may round otherwise.
  std::vector<float> vectors(64);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    vectors[i] = static_cast<float>(i * i % 11) - 4.0f;
  }
  std::vector<float> opposite(vectors);
  for (std::size_t i = 0; i < 64; ++i) opposite.push_back(0.5f - vectors[63 - i]);
  const auto part = [&](int bits, std::size_t first, std::size_t count) {
    const std::vector<std::uint8_t> codes = encode_tokens(opposite, 64, bits);
    return hex(std::span(codes).subspan(first, count));
  };
  EXPECT_EQ(part(2, 0, 8), "0102400002000000");
  EXPECT_EQ(part(2, 12, 64),
            "6c64856effc05c73b85501d49488ccc5a4737b3b7640e15f8aca998d5c6e8588"
            "57889ed4529c4369d1a6aeb0f56967d471ab57d44d6e8a4b716452c576b5aeca");
  EXPECT_EQ(part(2, 84, 16), "a5e595399ad6406aa928a2488d4dadf9");
  EXPECT_EQ(part(4, 84, 32), "66556485995a20ab86a30ba3d6c7d59599cba63ca4d7727ba94a9974835298bf");
  EXPECT_EQ(part(8, 84, 64),
            "726659668e9a12a47342a74b6b776265726673808d663d9a859a019ac3bec291"
            "97a374be59803ea38e9b9655503184ea96b59f4b9fc77c769e548e8084668dac");
}

TEST(TokenCodesTest, TakeTheBytesThatTheHeaderSays) {
  const VectorSet set = unit_vectors(7, 384, 2);
  EXPECT_EQ(encode_tokens(set.values, 384, 2).size(), 8u + 388 + 7 * (4 + 96));
  EXPECT_EQ(encode_tokens(set.values, 384, 4).size(), 8u + 388 + 7 * (4 + 192));
  EXPECT_EQ(encode_tokens(set.values, 384, 8).size(), 8u + 388 + 7 * (4 + 384));
}

TEST(TokenCodesTest, MemoryIsUsedAgain) {
  const VectorSet set = unit_vectors(5, 128, 1);
  for (const int bits : {2, 4, 8}) {
    const auto bytes = encode_tokens(set.values, 128, bits);
    for (const std::size_t size : {10, 100'000}) {
      std::vector<std::uint8_t> used(size, 0xA5);
      used.reserve(100'000);
      const std::uint8_t* memory = used.data();
      const auto again =
          encode_tokens(set.values, 128, bits, tensor::cpu::thread_pool(), std::move(used));
      EXPECT_EQ(again, bytes) << bits;
      EXPECT_EQ(again.data(), memory);
    }
  }
}

TEST_P(TokenCodesTargetTest, LargeAndSmallNumbersKeepTheirScale) {
  // Their squares are no numbers of 32 bits.
  for (const float factor : {1e-22f, 1e22f}) {
    for (const int bits : {2, 4, 8}) {
      VectorSet set = unit_vectors(3, 64, 6);
      const std::vector<float> back = decode_tokens(encode_tokens(set.values, 64, bits));
      for (float& x : set.values) x *= factor;
      const std::vector<float> scaled = decode_tokens(encode_tokens(set.values, 64, bits));
      for (std::size_t i = 0; i < back.size(); ++i) {
        EXPECT_NEAR(scaled[i] / factor, back[i], 1e-5) << bits << ", " << i;
      }
    }
  }
}

OKO_FOR_EVERY_TARGET(TokenCodesTargetTest);

TEST(TokenCodesTest, ZerosComeBack) {
  for (const int bits : {2, 4, 8}) {
    const std::vector<float> zeros(128);
    EXPECT_EQ(decode_tokens(encode_tokens(zeros, 64, bits)), zeros);
  }
  EXPECT_TRUE(decode_tokens(encode_tokens({}, 64, 4)).empty());
}

TEST(TokenCodesTest, RefuseWhatHasNoCode) {
  const auto code_of = [](std::size_t dimensions, int bits, float value) {
    try {
      encode_tokens(std::vector<float>(dimensions, value), dimensions, bits);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kUsage;
  };
  EXPECT_EQ(code_of(64, 4, 1.0f), ErrorCode::kUsage);  // none
  EXPECT_EQ(code_of(64, 3, 1.0f), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(96, 4, 1.0f), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(4096, 4, 1.0f), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(64, 4, std::nanf("")), ErrorCode::kFailed);
  EXPECT_EQ(code_of(64, 8, std::numeric_limits<float>::infinity()), ErrorCode::kFailed);
}

TEST(TokenCodesTest, DamagedCodesAreRefused) {
  const std::vector<std::uint8_t> good = encode_tokens(unit_vectors(3, 64, 3).values, 64, 4);
  EXPECT_EQ(message_of_damage(good), "none");
  const std::string damaged = "stored token vectors are damaged";
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(message_of_damage({good.data(), size}), damaged) << size;
  }
  for (const std::size_t at : {0, 1, 2, 3, 4, 5, 6, 7}) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::uint8_t> bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ 1 << bit);
      EXPECT_EQ(message_of_damage(bad), damaged) << at << ", " << bit;
    }
  }
  std::vector<std::uint8_t> wide(8 + 4 + 2112 + 4 + 2112);
  const std::uint8_t header[] = {kTokenFormat, 8, 2112 & 255, 2112 >> 8, 1, 0, 0, 0};
  std::copy_n(header, sizeof(header), wide.begin());
  EXPECT_EQ(message_of_damage(wide), damaged);
  for (const std::size_t scale : {8, 76, 84}) {  // of the mean, of the first and last token
    std::vector<std::uint8_t> bad = good;
    std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(scale), 4, std::uint8_t{255});
    EXPECT_EQ(message_of_damage(bad), damaged) << scale;
  }
  // Any bytes in rows are numbers.
  std::vector<std::uint8_t> full = good;
  std::fill(full.begin() + 88, full.end(), std::uint8_t{255});
  EXPECT_EQ(message_of_damage(full), "none");
}

class MaxSimTest : public tensor::TargetTest {};

TEST_P(MaxSimTest, IsTheMeanOfTheLargestProductsOfWhatTheCodesStandFor) {
  for (const std::size_t dimensions : {64, 384, 1024, 2048}) {
    for (const std::size_t asked : {1, 2, 3, 5, 20}) {
      const VectorSet query = unit_vectors(asked, dimensions, 4);
      const TokenQuery coded(query.values, dimensions);
      const VectorSet coded_query = decoded(coded);
      for (const int bits : {2, 4, 8}) {
        for (const std::size_t tokens : {1, 3, 4, 9}) {
          const VectorSet chunk = unit_vectors(tokens, dimensions, 5 + tokens);
          const std::vector<std::uint8_t> codes = encode_tokens(chunk.values, dimensions, bits);
          const std::span<const std::uint8_t> chunks[] = {codes};
          const float score = max_sim(coded, chunks)[0];
          EXPECT_NEAR(score, reference_max_sim(coded_query, decoded(codes, dimensions)), 2e-6)
              << dimensions << ", " << asked << ", " << bits << ", " << tokens;
        }
      }
    }
  }
}

TEST_P(MaxSimTest, IsTheSameForAnyNumberOfThreadsAndAnyAddress) {
  const VectorSet query = unit_vectors(17, 128, 6);
  std::vector<std::vector<std::uint8_t>> stored;
  std::vector<std::span<const std::uint8_t>> chunks;
  for (std::size_t i = 0; i < 40; ++i) {
    std::vector<std::uint8_t> codes = encode_tokens(
        unit_vectors(1 + i, 128, static_cast<unsigned>(i)).values, 128, i % 2 == 0 ? 4 : 2);
    codes.insert(codes.begin(), i % 8, std::uint8_t{0});
    stored.push_back(std::move(codes));
    chunks.push_back(std::span<const std::uint8_t>(stored.back()).subspan(i % 8));
  }
  const TokenQuery asked(query.values, 128);
  std::vector<float> expected;
  for (const auto& chunk : chunks) expected.push_back(max_sim(asked, {&chunk, 1})[0]);
  for (const std::size_t threads : {1, 2, 5}) {
    tensor::cpu::ThreadPool pool(threads);
    EXPECT_EQ(max_sim(asked, chunks, pool), expected) << threads;
  }
}

TEST_P(MaxSimTest, ArmsProductsOfBytesGiveTheBitsOfVectors) {
  if (tensor::cpu::arm_dot() == tensor::cpu::ArmDot::kNone) GTEST_SKIP() << "there are none";
  for (const std::size_t dimensions : {64, 384, 2048}) {
    for (const std::size_t asked : {1, 4, 7}) {
      const TokenQuery query(unit_vectors(asked, dimensions, 4).values, dimensions);
      for (const int bits : {2, 4, 8}) {
        for (const std::size_t tokens : {1, 2, 5, 8}) {
          const auto codes =
              encode_tokens(unit_vectors(tokens, dimensions, 5).values, dimensions, bits);
          const std::span<const std::uint8_t> chunks[] = {codes};
          tensor::expect_equal_for_arm_dots([&] { return max_sim(query, chunks); });
        }
      }
    }
  }
}

/// Every product of the largest numbers.
TEST_P(MaxSimTest, SumsHoldTheLargestProducts) {
  std::vector<float> vector(2048, 1.0f);
  rotate_back(vector);
  const std::vector<std::uint8_t> codes = encode_tokens(vector, 2048, 8);
  const std::span<const std::uint8_t> chunks[] = {codes};
  EXPECT_NEAR(max_sim(TokenQuery(vector, 2048), chunks)[0], 2048.0f, 0.01f);
}

OKO_FOR_EVERY_TARGET(MaxSimTest);

TEST(MaxSimRowsTest, NothingAskedOrNothingThereScoresZero) {
  const std::vector<float> token = unit_vectors(1, 64, 7).values;
  const std::vector<std::uint8_t> some = encode_tokens(token, 64, 4),
                                  none = encode_tokens({}, 64, 4);
  const std::span<const std::uint8_t> chunks[] = {some, none};
  EXPECT_EQ(max_sim(TokenQuery({}, 64), chunks), (std::vector<float>{0.0f, 0.0f}));
  const std::vector<float> scores = max_sim(TokenQuery(token, 64), chunks);
  EXPECT_NEAR(scores[0], 1.0f, 0.01f);
  EXPECT_EQ(scores[1], 0.0f);
  EXPECT_TRUE(max_sim(TokenQuery(token, 64), {}).empty());
}

TEST(MaxSimRowsTest, OtherDimensionsAreRefused) {
  const std::vector<std::uint8_t> codes = encode_tokens(unit_vectors(2, 128, 8).values, 128, 4);
  const std::span<const std::uint8_t> chunks[] = {codes};
  EXPECT_THROW(max_sim(TokenQuery(unit_vectors(1, 64, 9).values, 64), chunks), Error);
}

}  // namespace
}  // namespace oko::index
