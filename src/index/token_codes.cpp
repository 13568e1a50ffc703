#include "index/token_codes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/rotation.h"
#include "index/token_codes_layout.h"
#include "index/vector_codes.h"

namespace oko::index {
namespace {

static_assert(std::endian::native == std::endian::little, "codes are read as they are");

constexpr std::size_t kLargestTile = 4;  ///< of query tokens that a kernel takes at a time

/// Positive levels of a normal distribution of deviation 1, times `unit`, rounded.
struct TokenLevels {
  float unit;
  std::span<const int> levels;
};
constexpr std::array<int, 2> kTwoBitLevels{38, 127};                          // 0.4528, 1.5104
constexpr std::array<int, 8> kFourBitLevels{6, 18, 30, 43, 58, 75, 95, 126};  // 0.1284 .. 2.7326

TokenLevels positive_levels(int bits) {
  if (bits == 2) return {127.0f / 1.5104f, kTwoBitLevels};
  return {126.0f / 2.7326f, kFourBitLevels};
}

/// All levels, rising, plus kTokenZero.
constexpr std::array<std::uint8_t, 16> level_table(std::span<const int> positive) {
  std::array<std::uint8_t, 16> table{};
  const std::size_t half = positive.size();
  for (std::size_t i = 0; i < half; ++i) {
    table[half + i] = static_cast<std::uint8_t>(kTokenZero + positive[i]);
    table[half - 1 - i] = static_cast<std::uint8_t>(kTokenZero - positive[i]);
  }
  return table;
}
constexpr auto kTwoBitTable = level_table(kTwoBitLevels);
constexpr auto kFourBitTable = level_table(kFourBitLevels);

void require_token_dimensions(std::size_t dimensions) {
  require_dimensions(dimensions);
  if (dimensions % kTokenStep == 0) return;
  throw Error(
      ErrorCode::kUnsupported,
      tr("token vectors of {} numbers cannot be kept: their number is a multiple of {}",
         "векторы токенов из {} чисел не хранятся: их число кратно {}", dimensions, kTokenStep));
}

/// Evenly spaced levels up to 127.
void round_evenly(std::span<const float> x, float largest, std::span<std::uint8_t> codes) {
  const float inverse = 127.0f / largest;
  for (std::size_t i = 0; i < x.size(); ++i) {
    codes[i] =
        static_cast<std::uint8_t>(kTokenZero + static_cast<int>(std::nearbyint(x[i] * inverse)));
  }
}

/// Indices of the nearest levels.
void round_to_levels(std::span<const float> x, double square, int bits,
                     std::span<std::uint8_t> codes) {
  const float unit = positive_levels(bits).unit;
  const auto table = token_levels(bits);
  const auto inverse = static_cast<float>(unit / std::sqrt(square / static_cast<double>(x.size())));
  std::fill(codes.begin(), codes.end(), std::uint8_t{0});
  for (std::size_t level = 1; level < std::size_t{1} << bits; ++level) {
    const float cut = 0.5f * static_cast<float>(table[level - 1] + table[level]) - kTokenZero;
    for (std::size_t i = 0; i < x.size(); ++i) codes[i] += x[i] * inverse > cut ? 1 : 0;
  }
}

/// Subtracts from all vectors what the codes of their mean, left in `mean`, stand for.
void take_off_mean(std::span<float> vectors, std::size_t dimensions, TokenCode& mean) {
  std::vector<float> sum(dimensions);
  const std::size_t tokens = vectors.size() / dimensions;
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t i = 0; i < dimensions; ++i) sum[i] += vectors[token * dimensions + i];
  }
  for (float& x : sum) x /= static_cast<float>(std::max<std::size_t>(tokens, 1));
  round_token(sum, 8, mean);
  for (std::size_t i = 0; i < dimensions; ++i) {
    sum[i] = mean.scale * static_cast<float>(mean.codes[i] - kTokenZero);
  }
  for (std::size_t token = 0; token < tokens; ++token) {
    for (std::size_t i = 0; i < dimensions; ++i) vectors[token * dimensions + i] -= sum[i];
  }
}

float read_float(const std::uint8_t* from) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

void pack(std::span<const std::uint8_t> codes, int bits, std::uint8_t* to) {
  const std::size_t parts = 8 / static_cast<std::size_t>(bits);
  for (std::size_t run = 0; run < codes.size(); run += parts * kTokenRun, to += kTokenRun) {
    for (std::size_t j = 0; j < kTokenRun; ++j) {
      unsigned byte = 0;
      for (std::size_t part = 0; part < parts; ++part) {
        byte |= unsigned{codes[run + part * kTokenRun + j]} << part * static_cast<unsigned>(bits);
      }
      to[j] = static_cast<std::uint8_t>(byte);
    }
  }
}

}  // namespace

std::span<const std::uint8_t, 16> token_levels(int bits) {
  return bits == 2 ? kTwoBitTable : kFourBitTable;
}

void round_token(std::span<const float> x, int bits, TokenCode& token) {
  double square = 0.0;
  float largest = 0.0f;
  for (const float value : x) {
    square += static_cast<double>(value) * value;
    largest = std::max(largest, std::fabs(value));
  }
  if (!std::isfinite(square)) {
    throw Error(ErrorCode::kFailed, tr("a token vector has a number that is not finite",
                                       "в векторе токена есть не конечное число"));
  }
  token.codes.assign(x.size(), bits == 8 ? kTokenZero : 0);
  token.scale = 0.0f;
  constexpr float kSmallestToken = 1e-30f;  // below, it counts as zeros
  if (largest < kSmallestToken) return;
  if (bits == 8) {
    round_evenly(x, largest, token.codes);
  } else {
    round_to_levels(x, square, bits, token.codes);
  }
  double with_levels = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const int level = bits == 8 ? token.codes[i] : token_levels(bits)[token.codes[i]];
    with_levels += static_cast<double>(x[i]) * (level - kTokenZero);
  }
  token.scale = static_cast<float>(square / with_levels);
}

std::vector<std::uint8_t> encode_tokens(std::span<const float> vectors, std::size_t dimensions,
                                        int bits) {
  require_token_dimensions(dimensions);
  if (bits != 2 && bits != 4 && bits != 8) {
    throw Error(ErrorCode::kUnsupported,
                tr("token vectors are kept in 2, 4 or 8 bits, not in {}",
                   "векторы токенов хранятся в 2, 4 или 8 битах, не в {}", bits));
  }
  const std::size_t tokens = vectors.size() / dimensions;
  const std::size_t row_bytes = dimensions * static_cast<std::size_t>(bits) / 8;
  std::vector<std::uint8_t> bytes(kTokenHeaderBytes + mean_bytes(dimensions) +
                                  tokens * (sizeof(float) + row_bytes));
  bytes[0] = kTokenFormat;
  bytes[1] = static_cast<std::uint8_t>(bits);
  const auto width = static_cast<std::uint16_t>(dimensions);
  const auto count = static_cast<std::uint32_t>(tokens);
  std::memcpy(&bytes[2], &width, sizeof(width));
  std::memcpy(&bytes[4], &count, sizeof(count));
  std::vector<float> rotated(vectors.begin(), vectors.end());
  for (std::size_t i = 0; i < tokens; ++i) rotate({&rotated[i * dimensions], dimensions});
  TokenCode token;
  take_off_mean(rotated, dimensions, token);
  std::uint8_t* mean = bytes.data() + kTokenHeaderBytes;
  std::memcpy(mean, &token.scale, sizeof(float));
  std::copy(token.codes.begin(), token.codes.end(), mean + sizeof(float));
  std::uint8_t* scale = mean + mean_bytes(dimensions);
  std::uint8_t* row = scale + tokens * sizeof(float);
  for (std::size_t i = 0; i < tokens; ++i, scale += sizeof(float), row += row_bytes) {
    round_token(std::span(rotated).subspan(i * dimensions, dimensions), bits, token);
    std::memcpy(scale, &token.scale, sizeof(float));
    pack(token.codes, bits, row);
  }
  return bytes;
}

TokenQuery::TokenQuery(std::span<const float> vectors, std::size_t width)
    : dimensions(width), tokens(width == 0 ? 0 : vectors.size() / width) {
  require_token_dimensions(width);
  const std::size_t padded = (tokens + kLargestTile - 1) / kLargestTile * kLargestTile;
  bytes.resize(padded * width);
  shorts.resize(padded * width);
  offsets.resize(padded);
  TokenCode code;
  for (std::size_t token = 0; token < tokens; ++token) {
    const auto vector = vectors.subspan(token * width, width);
    std::vector<float> rotated(vector.begin(), vector.end());
    rotate(rotated);
    round_token(rotated, 8, code);
    scales.push_back(code.scale);
    for (std::size_t i = 0; i < width; ++i) {
      const int level = code.codes[i] - kTokenZero;
      bytes[token * width + i] = static_cast<std::int8_t>(level);
      shorts[token * width + i] = static_cast<std::int16_t>(level);
      offsets[token] += static_cast<std::uint32_t>(kTokenZero * level);
    }
  }
}

TokenRows::TokenRows(std::span<const std::uint8_t> codes) {
  const auto damaged = [] {
    return Error(ErrorCode::kFailed,
                 tr("stored token vectors are damaged", "сохранённые векторы токенов повреждены"),
                 tr("build the index anew", "постройте индекс заново"));
  };
  if (codes.size() < kTokenHeaderBytes || codes[0] != kTokenFormat) throw damaged();
  std::uint16_t width;
  std::uint32_t count;
  std::memcpy(&width, &codes[2], sizeof(width));
  std::memcpy(&count, &codes[4], sizeof(count));
  bits = codes[1];
  dimensions = width;
  tokens = count;
  if ((bits != 2 && bits != 4 && bits != 8) || width == 0 || width > kMaxDimensions ||
      width % kTokenStep != 0) {
    throw damaged();
  }
  row_bytes = dimensions * static_cast<std::size_t>(bits) / 8;
  const std::size_t before_scales = kTokenHeaderBytes + mean_bytes(dimensions);
  if (codes.size() != before_scales + tokens * (sizeof(float) + row_bytes)) throw damaged();
  mean = codes.data() + kTokenHeaderBytes + sizeof(float);
  scales = codes.data() + before_scales;
  rows = scales + tokens * sizeof(float);
  bool is_finite = std::isfinite(mean_scale());
  for (std::size_t token = 0; token < tokens; ++token) is_finite &= std::isfinite(scale(token));
  if (!is_finite) throw damaged();
}

float TokenRows::scale(std::size_t token) const {
  return read_float(scales + token * sizeof(float));
}

float TokenRows::mean_scale() const {
  return read_float(mean - sizeof(float));
}

std::vector<float> decode_tokens(std::span<const std::uint8_t> codes) {
  const TokenRows from(codes);
  const auto bits = static_cast<unsigned>(from.bits);
  const std::size_t span = kTokenRun * 8 / bits;  // coordinates of 16 bytes
  std::vector<float> vectors(from.tokens * from.dimensions);
  for (std::size_t token = 0; token < from.tokens; ++token) {
    float* to = vectors.data() + token * from.dimensions;
    for (std::size_t i = 0; i < from.dimensions; ++i) {
      const std::size_t byte = i / span * kTokenRun + i % kTokenRun;
      const unsigned code =
          from.row(token)[byte] >> i % span / kTokenRun * bits & ((1u << bits) - 1);
      const int level = from.bits == 8 ? static_cast<int>(code) : token_levels(from.bits)[code];
      to[i] = from.mean_scale() * static_cast<float>(from.mean[i] - kTokenZero) +
              from.scale(token) * static_cast<float>(level - kTokenZero);
    }
    rotate_back({to, from.dimensions});
  }
  return vectors;
}

}  // namespace oko::index
