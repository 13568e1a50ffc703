#pragma once

#include <mlx/array.h>

#include <span>
#include <vector>

#include "base/stop_token.h"
#include "models/observer.h"
#include "models/qwen3_vl/checkpoint.h"
#include "models/qwen3_vl/rotary.h"
#include "models/work.h"
#include "tensor/attention.h"
#include "tensor/layers.h"
#include "tensor/linear.h"

namespace oko::models::qwen3_vl {

namespace mx = mlx::core;

/// Picture features to be put over a run of a chunk's tokens.
struct VisualSpan {
  int first = 0;                     ///< token of the chunk
  mx::array merged;                  ///< (count, hidden_size), replaces the embeddings
  std::vector<mx::array> deepstack;  ///< (count, hidden_size) each, added after layer 0, 1, ...
};

/// Qwen3-VL's language model: Qwen3 (grouped-query attention, q/k norms, SwiGLU) with
/// Interleaved-MRoPE and DeepStack. Reference: transformers, Qwen3VLTextModel.
class TextModel {
 public:
  explicit TextModel(const Checkpoint& checkpoint);

  /// One cache a layer, each with room for `reserve` tokens at first use.
  std::vector<tensor::KvCache> make_caches(int reserve, tensor::cpu::KvType type) const;

  /// Runs a chunk of tokens, ids (n), that follows what the caches hold and appends it to them.
  /// Returns the normalised hidden states, (n, hidden_size); in a graph not evaluated. Chunks of
  /// more than 8 tokens are evaluated layer by layer, so that memory stays small and
  /// `stop` is seen; throws kCancelled, after which the caches are of no use.
  mx::array forward(const mx::array& ids, std::span<const VisualSpan> spans,
                    const tensor::Rotary& rotary, std::vector<tensor::KvCache>& caches,
                    const StopToken& stop, const Observer& observer) const;

  /// The products of `count` tokens through all layers and of the logits of the last one; attention
  /// is not counted.
  Work work_of(int count) const;

  /// (n, hidden_size) -> (n, vocab_size)
  mx::array logits(const mx::array& hidden) const;

 private:
  struct Layer {
    Layer(const Checkpoint& checkpoint, const std::string& name);
    tensor::RmsNorm input_layernorm, post_attention_layernorm, q_norm, k_norm;
    tensor::Linear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
  };

  mx::array attend(const Layer& layer, const mx::array& x, const tensor::Rotary& rotary,
                   tensor::KvCache& cache, const StopToken& stop) const;

  TextConfig config_;
  tensor::Linear embed_tokens_;
  std::vector<Layer> layers_;
  tensor::RmsNorm norm_;
  std::optional<tensor::Linear> lm_head_;  ///< none: tied to embed_tokens
};

}  // namespace oko::models::qwen3_vl
