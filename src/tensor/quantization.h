#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/localized_text.h"

namespace oko::tensor {

/// MLX's affine quantization: w = scale * code + bias, one scale and bias a group of columns.
struct Quantization {
  int bits = 0;        ///< 2, 3, 4, 5, 6 or 8
  int group_size = 0;  ///< 32, 64 or 128
  bool operator==(const Quantization&) const = default;
};

/// Group sizes of converted models. The kernels of encoders use the codes of such groups directly;
/// decoders have MLX's default.
inline constexpr int kEncoderGroupSize = 128;
inline constexpr int kDecoderGroupSize = 64;

/// Bytes of a number of weights, each group with a scale and a bias of 16 bits; unquantized weights
/// have 16 bits.
constexpr std::uint64_t bytes_of(std::uint64_t weights,
                                 const std::optional<Quantization>& quantization) {
  if (!quantization) return 2 * weights;
  return weights / 8 * static_cast<std::uint64_t>(quantization->bits) +
         weights / static_cast<std::uint64_t>(quantization->group_size) * 4;
}

/// The hint for a model whose weights are quantized for another program.
LocalizedText hint_for_original_weights();

/// The quantization in config.json: a default, and exceptions by layer ("false": dense).
class QuantizationConfig {
 public:
  QuantizationConfig() = default;
  /// All layers alike.
  explicit QuantizationConfig(Quantization all) : default_(all) {}

  /// Reads config.json: its "quantization", else "quantization_config", there or in "text_config".
  /// Throws kBadModel for the quantization of another program, named by its "quant_method", for a
  /// mode other than affine, bits or group sizes that the kernels do not have, values of a wrong
  /// type.
  static QuantizationConfig parse(const nlohmann::json& config, std::string_view file_name);

  /// The quantization of layer `name` ("language_model.model.layers.0.mlp.up_proj"), if it has
  /// scales.
  std::optional<Quantization> of_layer(std::string_view name) const;

 private:
  std::optional<Quantization> default_;
  std::map<std::string, std::optional<Quantization>, std::less<>> layers_;
};

}  // namespace oko::tensor
