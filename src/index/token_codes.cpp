#include "index/token_codes.h"

#include <algorithm>
#include <atomic>
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
constexpr std::size_t kTokensOfTask = 16;

void require_token_dimensions(std::size_t dimensions) {
  require_dimensions(dimensions);
  if (dimensions % kTokenStep == 0) return;
  throw Error(
      ErrorCode::kUnsupported,
      tr("token vectors of {} numbers cannot be kept: their number is a multiple of {}",
         "векторы токенов из {} чисел не хранятся: их число кратно {}", dimensions, kTokenStep));
}

Error not_finite() {
  return {ErrorCode::kFailed, tr("a token vector has a number that is not finite",
                                 "в векторе токена есть не конечное число")};
}

/// Writes the mean of all vectors, rotated: its scale and its codes. Returns what these stand for.
std::vector<float> write_mean(std::span<const float> vectors, std::size_t dimensions,
                              std::uint8_t* to) {
  std::vector<float> mean(dimensions);
  const std::size_t tokens = vectors.size() / dimensions;
  for (std::size_t token = 0; token < tokens; ++token) {
    const float* vector = vectors.data() + token * dimensions;
    for (std::size_t i = 0; i < dimensions; ++i) mean[i] += vector[i];
  }
  for (float& x : mean) x /= static_cast<float>(std::max<std::size_t>(tokens, 1));
  rotate(mean);
  const std::uint8_t* codes = to + sizeof(float);
  const float scale = round_token(mean, 8, to + sizeof(float));
  if (std::isnan(scale)) throw not_finite();
  std::memcpy(to, &scale, sizeof(scale));
  for (std::size_t i = 0; i < dimensions; ++i) {
    mean[i] = scale * static_cast<float>(codes[i] - kTokenZero);
  }
  return mean;
}

float read_float(const std::uint8_t* from) {
  float value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <unsigned kBits>
void pack_bits(std::span<const std::uint8_t> codes, std::uint8_t* to) {
  constexpr std::size_t kParts = 8 / kBits;
  for (std::size_t run = 0; run < codes.size(); run += kParts * kTokenRun, to += kTokenRun) {
    for (std::size_t j = 0; j < kTokenRun; ++j) {
      unsigned byte = 0;
      for (unsigned part = 0; part < kParts; ++part) {
        byte |= unsigned{codes[run + part * kTokenRun + j]} << part * kBits;
      }
      to[j] = static_cast<std::uint8_t>(byte);
    }
  }
}

void pack(std::span<const std::uint8_t> codes, int bits, std::uint8_t* to) {
  if (bits == 2) {
    pack_bits<2>(codes, to);
  } else if (bits == 4) {
    pack_bits<4>(codes, to);
  } else {
    std::copy(codes.begin(), codes.end(), to);
  }
}

}  // namespace

std::vector<std::uint8_t> encode_tokens(std::span<const float> vectors, std::size_t dimensions,
                                        int bits, tensor::cpu::ThreadPool& pool,
                                        std::vector<std::uint8_t> bytes) {
  require_token_dimensions(dimensions);
  if (bits != 2 && bits != 4 && bits != 8) {
    throw Error(ErrorCode::kUnsupported,
                tr("token vectors are kept in 2, 4 or 8 bits, not in {}",
                   "векторы токенов хранятся в 2, 4 или 8 битах, не в {}", bits));
  }
  const std::size_t tokens = vectors.size() / dimensions;
  const std::size_t row_bytes = dimensions * static_cast<std::size_t>(bits) / 8;
  bytes.resize(kTokenHeaderBytes + mean_bytes(dimensions) + tokens * (sizeof(float) + row_bytes));
  bytes[0] = kTokenFormat;
  bytes[1] = static_cast<std::uint8_t>(bits);
  const auto width = static_cast<std::uint16_t>(dimensions);
  const auto count = static_cast<std::uint32_t>(tokens);
  std::memcpy(&bytes[2], &width, sizeof(width));
  std::memcpy(&bytes[4], &count, sizeof(count));
  const std::vector<float> mean = write_mean(vectors, dimensions, bytes.data() + kTokenHeaderBytes);
  std::uint8_t* scales = bytes.data() + kTokenHeaderBytes + mean_bytes(dimensions);
  std::uint8_t* rows = scales + tokens * sizeof(float);
  std::atomic<bool> is_finite{true};
  pool.parallel_ranges(tokens, kTokensOfTask, [&](std::size_t first, std::size_t last) {
    float rotated[kMaxDimensions];
    std::uint8_t codes[kMaxDimensions];
    for (std::size_t token = first; token < last; ++token) {
      std::copy_n(vectors.data() + token * dimensions, dimensions, rotated);
      rotate({rotated, dimensions});
      for (std::size_t i = 0; i < dimensions; ++i) rotated[i] -= mean[i];
      const float scale = round_token({rotated, dimensions}, bits, codes);
      if (std::isnan(scale)) is_finite = false;
      std::memcpy(scales + token * sizeof(float), &scale, sizeof(scale));
      pack({codes, dimensions}, bits, rows + token * row_bytes);
    }
  });
  if (!is_finite) throw not_finite();
  return bytes;
}

TokenQuery::TokenQuery(std::span<const float> vectors, std::size_t width)
    : dimensions(width), tokens(width == 0 ? 0 : vectors.size() / width) {
  require_token_dimensions(width);
  const std::size_t padded = (tokens + kLargestTile - 1) / kLargestTile * kLargestTile;
  bytes.resize(padded * width);
  pairs.resize(padded * width);
  shorts.resize(padded * width);
  offsets.resize(padded);
  std::vector<std::uint8_t> codes(width);
  for (std::size_t token = 0; token < tokens; ++token) {
    const auto vector = vectors.subspan(token * width, width);
    std::vector<float> rotated(vector.begin(), vector.end());
    rotate(rotated);
    scales.push_back(round_token(rotated, 8, codes.data()));
    if (std::isnan(scales.back())) throw not_finite();
    for (std::size_t i = 0; i < width; ++i) {
      const int level = codes[i] - kTokenZero;
      bytes[token * width + i] = static_cast<std::int8_t>(level);
      shorts[token * width + i] = static_cast<std::int16_t>(level);
      offsets[token] += static_cast<std::uint32_t>(kTokenZero * level);
    }
    copy_to_pair(bytes.data() + token * width, width, token, pairs.data());
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
