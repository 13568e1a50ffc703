#pragma once

#include <mlx/array.h>

#include <vector>

#include "base/stop_token.h"
#include "models/activation_hook.h"
#include "models/pass_cost.h"
#include "models/qwen3_vl/batch.h"
#include "models/qwen3_vl/checkpoint.h"
#include "models/qwen3_vl/rotary.h"
#include "tensor/layers.h"
#include "tensor/linear.h"

namespace oko::models::qwen3_vl {

namespace mx = mlx::core;

/// Qwen3-VL's language model: Qwen3 (grouped-query attention, q/k norms, SwiGLU) with
/// Interleaved-MRoPE and DeepStack. Reference: transformers, Qwen3VLTextModel.
class TextModel {
 public:
  explicit TextModel(const Checkpoint& checkpoint);

  /// The state of a sequence that has read nothing, with room for `initial_capacity` tokens.
  SequenceState make_sequence(int initial_capacity, tensor::cpu::KvType type) const;

  /// Runs a batch and appends its tokens to their sequences. Returns the normalised hidden states,
  /// (n, hidden_size); in a graph not evaluated. Batches of more than 8 tokens are evaluated layer
  /// by layer, so that memory stays small and `stop` is checked; throws kCancelled. If this throws,
  /// the sequences keep their length; in a graph they are no longer usable.
  mx::array forward(const Batch& batch, const StopToken& stop = {},
                    const ActivationHook& hook = {}) const;

  /// The products of `count` tokens through all layers and of the logits of the last one; attention
  /// is not counted.
  PassCost cost_of(int count) const;

  /// (n, hidden_size) -> (n, vocab_size)
  mx::array logits(const mx::array& hidden) const;

 private:
  struct Layer {
    Layer(const LayerLoader& load, const TextConfig& config);
    tensor::RmsNorm input_layernorm, post_attention_layernorm, q_norm, k_norm;
    tensor::Linear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
  };

  mx::array attend(std::size_t layer, const mx::array& x, const tensor::Rotary& rotary,
                   const Batch& batch, const StopToken& stop) const;

  TextConfig config_;
  tensor::Linear embed_tokens_;
  std::vector<Layer> layers_;
  tensor::RmsNorm norm_;
  std::optional<tensor::Linear> lm_head_;  ///< none: tied to embed_tokens
};

}  // namespace oko::models::qwen3_vl
