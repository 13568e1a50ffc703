#include "index/vector_codes.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/localized_text.h"
#include "index/rotation.h"

namespace oko::index {
namespace {

constexpr int kZero = 128;
constexpr float kLimit = 127.0f;
constexpr float kQueryLimit = 8191.0f;
constexpr std::size_t kPaddedTo = 64;  ///< bytes of the largest vector of a processor
constexpr float kSmallest = 1e-30f;    ///< as the largest of a vector; below, it counts as zeros

struct RotatedVector {
  std::vector<float> values;
  float largest = 0.0f;  ///< magnitude
};

RotatedVector rotated(std::span<const float> vector) {
  require_dimensions(vector.size());
  RotatedVector result{{vector.begin(), vector.end()}};
  rotate(result.values);
  float all = 0.0f;  // NaN if any of them is not finite
  for (const float x : result.values) {
    result.largest = std::max(result.largest, std::fabs(x));
    all += 0.0f * x;
  }
  if (std::isnan(all)) {
    throw Error(ErrorCode::kFailed, tr("a vector of {} numbers has one that is not finite",
                                       "в векторе из {} чисел есть не конечное", vector.size()));
  }
  return result;
}

}  // namespace

void require_dimensions(std::size_t dimensions) {
  if (dimensions != 0 && dimensions % kDimensionStep == 0 && dimensions <= kMaxDimensions) return;
  throw Error(ErrorCode::kUnsupported,
              tr("vectors of {} numbers cannot be kept: from {} to {}, in steps of {}",
                 "векторы из {} чисел не хранятся: от {} до {} с шагом {}", dimensions,
                 kDimensionStep, kMaxDimensions, kDimensionStep));
}

float encode_vector(std::span<const float> vector, std::span<std::uint8_t> codes) {
  const RotatedVector from = rotated(vector);
  const float inverse = from.largest > kSmallest ? kLimit / from.largest : 0.0f;
  double with_vector = 0.0, with_itself = 0.0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float code = std::nearbyint(from.values[i] * inverse);
    codes[i] = static_cast<std::uint8_t>(static_cast<int>(code) + kZero);
    with_vector += static_cast<double>(code) * from.values[i];
    with_itself += static_cast<double>(code) * code;
  }
  return with_itself > 0.0 ? static_cast<float>(with_vector / with_itself) : 0.0f;
}

void decode_vector(std::span<const std::uint8_t> codes, float scale, std::span<float> vector) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    vector[i] = scale * static_cast<float>(codes[i] - kZero);
  }
  rotate_back(vector);
}

QueryCodes::QueryCodes(std::span<const float> query) {
  const RotatedVector from = rotated(query);
  const float inverse = from.largest > kSmallest ? kQueryLimit / from.largest : 0.0f;
  scale = from.largest / kQueryLimit;
  codes.resize(query.size());
  high.resize((query.size() + kPaddedTo - 1) / kPaddedTo * kPaddedTo);
  low.resize(high.size());
  for (std::size_t i = 0; i < query.size(); ++i) {
    const int code = static_cast<int>(std::nearbyint(from.values[i] * inverse));
    const int upper = (code + 64) >> 7;
    codes[i] = static_cast<std::int16_t>(code);
    high[i] = static_cast<std::int8_t>(upper);
    low[i] = static_cast<std::int8_t>(code - 128 * upper);
    offset += static_cast<std::uint32_t>(kZero * code);
  }
}

}  // namespace oko::index
