#include "tensor/affine_quantizer.h"

#include <mlx/types/half_types.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace oko::tensor {
namespace {

/// Quantizes one group: scale and bias as stored, and codes for them.
class Group {
 public:
  Group(std::span<const float> values, int bits, checkpoint::Dtype dtype)
      : values_(values), dtype_(dtype) {
    const auto [low, high] = std::ranges::minmax(values);
    const auto most = static_cast<float>((1 << bits) - 1);
    // The end farther from zero is exact; the sign of the scale tells which end that is.
    const bool from_low = std::abs(low) > std::abs(high);
    const float edge = from_low ? low : high;
    float scale = std::max((high - low) / most, kSmallestScale) * (from_low ? 1.0f : -1.0f);
    const float steps = std::round(edge / scale);
    if (steps != 0) scale = edge / steps;
    scale_ = rounded(scale, scale_bits);
    bias_ = rounded(steps != 0 ? edge : 0.0f, bias_bits);
    most_ = most;
  }

  /// The code of element `i`; `stored` becomes its value.
  std::uint32_t code(std::size_t i, float& stored) const {
    const float steps =
        scale_ == 0 ? 0.0f : std::clamp(std::round((values_[i] - bias_) / scale_), 0.0f, most_);
    stored = scale_ * steps + bias_;
    return static_cast<std::uint32_t>(steps);
  }

  std::uint16_t scale_bits = 0, bias_bits = 0;

 private:
  static constexpr float kSmallestScale = 1e-7f;

  float rounded(float value, std::uint16_t& bits) const {
    bits = to_half_bits(value, dtype_);
    return from_half_bits(bits, dtype_);
  }

  std::span<const float> values_;
  checkpoint::Dtype dtype_;
  float scale_ = 0, bias_ = 0, most_ = 0;
};

}  // namespace

std::uint16_t to_half_bits(float value, checkpoint::Dtype dtype) {
  return dtype == checkpoint::Dtype::kFloat16
             ? std::bit_cast<std::uint16_t>(static_cast<mlx::core::float16_t>(value))
             : std::bit_cast<std::uint16_t>(static_cast<mlx::core::bfloat16_t>(value));
}

float from_half_bits(std::uint16_t bits, checkpoint::Dtype dtype) {
  return dtype == checkpoint::Dtype::kFloat16
             ? static_cast<float>(std::bit_cast<mlx::core::float16_t>(bits))
             : static_cast<float>(std::bit_cast<mlx::core::bfloat16_t>(bits));
}

QuantizedRows quantize_rows(std::span<const float> values, const Quantization& quantization,
                            checkpoint::Dtype dtype) {
  const auto group_size = static_cast<std::size_t>(quantization.group_size);
  const auto bits = static_cast<std::size_t>(quantization.bits);
  const std::size_t codes_per_word = 32 / bits;
  QuantizedRows rows;
  rows.codes.resize(values.size() / codes_per_word);
  for (std::size_t first = 0; first < values.size(); first += group_size) {
    const Group group(values.subspan(first, group_size), quantization.bits, dtype);
    rows.scales.push_back(group.scale_bits);
    rows.biases.push_back(group.bias_bits);
    for (std::size_t i = 0; i < group_size; ++i) {
      float stored = 0;
      const std::size_t at = first + i;
      rows.codes[at / codes_per_word] |= group.code(i, stored) << (at % codes_per_word * bits);
      const double error = static_cast<double>(stored) - values[at];
      rows.squared_error += error * error;
      rows.squared_values += static_cast<double>(values[at]) * values[at];
    }
  }
  return rows;
}

}  // namespace oko::tensor
