#pragma once

#include <mlx/array.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/stop_token.h"
#include "models/activation_hook.h"
#include "models/bge_m3/config.h"
#include "models/layer_loader.h"
#include "models/pass_cost.h"
#include "tensor/layers.h"
#include "tensor/linear.h"
#include "tensor/weights.h"

namespace oko::models::bge_m3 {

namespace mx = mlx::core;

/// Tokens at a time in the feed-forward network: bounds its activation for texts of any length.
inline constexpr int kFeedForwardRows = 2048;

/// Several texts in a row, without padding.
struct PackedTexts {
  std::vector<std::int32_t> ids;  ///< of all texts
  std::vector<int> cu_seqlens;    ///< 0, and the end of each text in `ids`
};

/// XLM-RoBERTa's and BERT's encoder: layers of attention and GELU, each followed by a layer
/// normalisation. Reference: transformers, XLMRobertaModel without its pooler.
class Encoder {
 public:
  /// Names of tensors as in transformers, with or without "roberta." or "bert." in front. Throws
  /// kBadModel.
  Encoder(const tensor::Weights& weights, const Config& config);

  /// The last hidden states, (tokens, hidden_size), evaluated. Ids are below vocab_size, texts not
  /// longer than max_tokens. Texts do not see each other. Memory grows linearly with the tokens:
  /// attention and the feed-forward network work in blocks. Throws kCancelled between layers.
  mx::array forward(const PackedTexts& texts, const StopToken& stop = {},
                    const ActivationHook& hook = {}) const;

  /// The cost of a pass over `tokens` tokens, without attention.
  PassCost cost_of(std::uint64_t tokens) const;

 private:
  Encoder(const LayerLoader& load, const Config& config);

  struct Layer {
    Layer(const LayerLoader& load, const Config& config);
    tensor::Linear query, key, value, attention_output, intermediate, output;
    tensor::LayerNorm attention_norm, output_norm;
  };

  mx::array embed(const PackedTexts& texts) const;
  mx::array attend(const Layer& layer, const mx::array& x, std::span<const int> cu_seqlens,
                   const StopToken& stop) const;
  mx::array feed_forward(const Layer& layer, const mx::array& x) const;

  Config config_;
  tensor::Linear word_embeddings_;
  tensor::Linear position_embeddings_;
  mx::array token_type_;  ///< of the first and only type, (1, hidden_size)
  tensor::LayerNorm norm_;
  std::vector<Layer> layers_;
};

}  // namespace oko::models::bge_m3
