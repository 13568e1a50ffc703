#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/stop_token.h"
#include "models/bge_m3/config.h"
#include "models/bge_m3/dense.h"
#include "models/bge_m3/encoder.h"
#include "models/bge_m3/encoding.h"
#include "tensor/linear.h"
#include "tensor/weights.h"

namespace oko::models::bge_m3 {

/// True if pooling takes the first token's vector only because no file says how it works. False for
/// BGE-M3 itself, which has its heads and is known to pool so. Throws kBadModel.
bool assumes_pooling(const std::filesystem::path& model_dir);

/// The outputs that a model makes, by the names of its tensors. Throws kBadModel.
Outputs outputs_of(const std::filesystem::path& model_dir);

/// An embedding model ready to run: BGE-M3, or a sentence-transformers encoder without BGE-M3's
/// heads. Used by one thread, the one that owns MLX.
class Model {
 public:
  /// Maps the weights of a model folder. Costs milliseconds and next to no private memory. Throws
  /// kBadModel.
  static std::unique_ptr<Model> load(const std::filesystem::path& model_dir);

  const Config& config() const { return config_; }

  /// The files that it was loaded from.
  const tensor::WeightFiles& files() const { return files_; }

  /// See tensor::Weights::copied_bytes.
  std::uint64_t copied_weight_bytes() const { return copied_weight_bytes_; }
  PassCost cost_of(std::uint64_t tokens) const { return encoder_.cost_of(tokens); }

  /// Throws MissingOutput, naming the missing file, if the model lacks a head that `outputs` need.
  void require(const Outputs& outputs) const;

  /// The outputs of each text, from one pass. Throws kBadModel if a result is not finite, or if a
  /// token id is outside the vocabulary; kCancelled.
  std::vector<Encoding> encode(const PackedTexts& texts, const Outputs& outputs,
                               const StopToken& stop = {}, const ActivationHook& hook = {}) const;

 private:
  Model(const std::filesystem::path& model_dir, const tensor::Weights& weights, Config config);

  std::vector<float> dense_of(const float* rows, std::size_t count) const;

  std::filesystem::path model_dir_;
  tensor::WeightFiles files_;
  std::uint64_t copied_weight_bytes_;
  Config config_;
  Encoder encoder_;
  std::optional<tensor::Linear> sparse_linear_;   ///< hidden_size -> 1
  std::optional<tensor::Linear> colbert_linear_;  ///< hidden_size -> width of a token's vector
  std::vector<Dense> dense_;                      ///< of the steps behind pooling, in order
};

}  // namespace oko::models::bge_m3
