#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hub/source_checkpoint.h"
#include "tensor/quantization.h"

namespace oko::hub {

/// The treatment of a tensor.
struct PlannedTensor {
  std::string name;  ///< in the new checkpoint
  const SourceTensor* source = nullptr;
  bool quantized = false;  ///< with a name that ends in ".weight"
  /// The dtype of the tensor; if quantized, of its scales and biases.
  checkpoint::Dtype dtype = checkpoint::Dtype::kFloat16;
};

struct ConversionPlan {
  tensor::Quantization quantization;
  std::vector<PlannedTensor> tensors;
};

/// The new checkpoint: of the BERT family (BGE-M3, multilingual-e5) or of Qwen3-VL, by the
/// "model_type" in `config`. Encoders: the layers and the word embeddings are quantized, positions,
/// norms and the heads of BGE-M3 stay, poolers and other tasks' heads go. Qwen3-VL: the language
/// model is quantized, the vision tower stays. Tensors that stay in f32 become f16, if their
/// numbers fit. The default group size is 128 for encoders, whose kernels read such codes directly,
/// and 64 for Qwen3-VL, or a size that divides all layers. Layers whose columns it does not divide
/// stay dense. Throws kBadModel: another architecture, nothing to quantize.
ConversionPlan plan_conversion(const nlohmann::json& config,
                               const std::map<std::string, SourceTensor>& source, int bits,
                               std::optional<int> group_size, const std::string& folder);

}  // namespace oko::hub
