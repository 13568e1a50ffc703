#include "models/qwen3_vl/text_model.h"

#include <mlx/array.h>
#include <mlx/ops.h>
#include <mlx/transforms.h>

#include <cmath>

#include "base/error.h"
#include "base/localized_text.h"
#include "models/qwen3_vl/limits.h"
#include "tensor/attention.h"
#include "tensor/cpu/matmul.h"

namespace oko::models::qwen3_vl {

static_assert(kFewTokens == int{tensor::cpu::kMaxGemvRows},
              "tokens of one graph are rows that each equal, to the bit, that row alone");

namespace {

/// x with `rows` replacing, or added to, the rows from `first` on.
mx::array scatter_rows(const mx::array& x, int first, const mx::array& rows, bool add) {
  const mx::Shape start{first, 0};
  const mx::Shape stop{first + rows.shape(0), x.shape(1)};
  const mx::array update = mx::astype(rows, x.dtype());
  if (!add) return mx::slice_update(x, update, start, stop);
  return mx::slice_update(x, mx::add(mx::slice(x, start, stop), update), start, stop);
}

}  // namespace

TextModel::Layer::Layer(const LayerLoader& load, const TextConfig& config)
    : input_layernorm(load.rms_norm("input_layernorm", config.hidden_size)),
      post_attention_layernorm(load.rms_norm("post_attention_layernorm", config.hidden_size)),
      q_norm(load.rms_norm("self_attn.q_norm", config.head_dim)),
      k_norm(load.rms_norm("self_attn.k_norm", config.head_dim)),
      q_proj(load.linear("self_attn.q_proj", config.num_attention_heads * config.head_dim,
                         config.hidden_size)),
      k_proj(load.linear("self_attn.k_proj", config.num_key_value_heads * config.head_dim,
                         config.hidden_size)),
      v_proj(load.linear("self_attn.v_proj", config.num_key_value_heads * config.head_dim,
                         config.hidden_size)),
      o_proj(load.linear("self_attn.o_proj", config.hidden_size,
                         config.num_attention_heads * config.head_dim)),
      gate_proj(load.linear("mlp.gate_proj", config.intermediate_size, config.hidden_size)),
      up_proj(load.linear("mlp.up_proj", config.intermediate_size, config.hidden_size)),
      down_proj(load.linear("mlp.down_proj", config.hidden_size, config.intermediate_size)) {}

TextModel::TextModel(const Checkpoint& checkpoint)
    : config_(checkpoint.config.text),
      embed_tokens_(
          checkpoint.text().linear("embed_tokens", config_.vocab_size, config_.hidden_size)),
      norm_(checkpoint.text().rms_norm("norm", config_.hidden_size)) {
  const LayerLoader load = checkpoint.text();
  for (int i = 0; i < config_.num_hidden_layers; ++i) {
    layers_.emplace_back(load.part("layers." + std::to_string(i) + "."), config_);
  }
  // A head in the files is used even if config.json says that it is tied. If config.json says that
  // it is not tied, a missing head is an error.
  const std::string& head = checkpoint.names.lm_head;
  const bool has_head = checkpoint.weights.contains(head + ".weight");
  if (has_head || !config_.tie_word_embeddings.value_or(true)) {
    lm_head_ = tensor::Linear::load(checkpoint.weights, head, config_.vocab_size,
                                    config_.hidden_size, checkpoint.config.quantization);
  }
}

SequenceState TextModel::make_sequence(int initial_capacity, tensor::cpu::KvType type) const {
  std::vector<tensor::KvCache> layers;
  layers.reserve(layers_.size());
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers.emplace_back(config_.num_key_value_heads, config_.head_dim, initial_capacity, type);
  }
  return SequenceState(std::move(layers));
}

mx::array TextModel::attend(std::size_t index, const mx::array& x, const tensor::Rotary& rotary,
                            const Batch& batch, const StopToken& stop) const {
  const Layer& layer = layers_[index];
  const auto heads = [&](const mx::array& rows, int number) {
    return tensor::split_heads(rows, number, config_.head_dim);
  };
  const std::vector<mx::array> qkv = tensor::Linear::multiply_all(
      layer.input_layernorm(x), {&layer.q_proj, &layer.k_proj, &layer.v_proj});
  const mx::array queries = rotary(layer.q_norm(heads(qkv[0], config_.num_attention_heads)));
  const mx::array keys = rotary(layer.k_norm(heads(qkv[1], config_.num_key_value_heads)));
  const mx::array values = heads(qkv[2], config_.num_key_value_heads);
  std::vector<const tensor::KvCache*> caches;
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    tensor::KvCache& cache = batch.sequences[i]->layer(index);
    cache.append(keys, values, batch.cu_seqlens[i], batch.cu_seqlens[i + 1]);
    caches.push_back(&cache);
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim));
  return layer.o_proj.forward_residual(
      x, tensor::causal_attention(queries, caches, batch.cu_seqlens, scale, stop));
}

mx::array TextModel::forward(const Batch& batch, const StopToken& stop,
                             const ActivationHook& hook) const {
  for (SequenceState* sequence : batch.sequences) sequence->truncate(sequence->length());
  const bool by_layer = batch.ids.shape(0) > kFewTokens || hook;
  const tensor::Rotary rotary = text_rotary(batch.positions, config_);
  mx::array x = embed_tokens_.embed(batch.ids);
  for (const VisualSpan& span : batch.visuals) {
    x = scatter_rows(x, span.first, span.merged, /*add=*/false);
  }
  if (hook) hook("text.embedded", x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    throw_if_stopped(stop);
    const Layer& layer = layers_[i];
    x = attend(i, x, rotary, batch, stop);
    const mx::array normal = layer.post_attention_layernorm(x);
    const std::vector<mx::array> gate_up =
        tensor::Linear::multiply_all(normal, {&layer.gate_proj, &layer.up_proj});
    x = layer.down_proj.forward_residual(x, tensor::swiglu(gate_up[0], gate_up[1]));
    for (const VisualSpan& span : batch.visuals) {
      if (i < span.deepstack.size())
        x = scatter_rows(x, span.first, span.deepstack[i], /*add=*/true);
    }
    if (by_layer) {
      std::vector<mx::array> computed{x};
      for (SequenceState* sequence : batch.sequences) {
        computed.push_back(sequence->layer(i).keys());
        computed.push_back(sequence->layer(i).values());
      }
      mx::eval(computed);
    }
    if (hook) hook("text.layer." + std::to_string(i), x);
  }
  x = norm_(x);
  if (hook) hook("text.normed", x);
  for (std::size_t i = 0; i < batch.sequences.size(); ++i) {
    batch.sequences[i]->advance(
        static_cast<std::size_t>(batch.cu_seqlens[i + 1] - batch.cu_seqlens[i]));
  }
  return x;
}

PassCost TextModel::cost_of(int count) const {
  PassCost work;
  const auto rows = static_cast<std::uint64_t>(count);
  for (const Layer& layer : layers_) {
    for (const auto* linear : {&layer.q_proj, &layer.k_proj, &layer.v_proj, &layer.o_proj,
                               &layer.gate_proj, &layer.up_proj, &layer.down_proj}) {
      work.add(*linear, rows);
    }
  }
  work.add(lm_head_ ? *lm_head_ : embed_tokens_, 1);
  return work;
}

mx::array TextModel::logits(const mx::array& hidden) const {
  return lm_head_ ? (*lm_head_)(hidden) : embed_tokens_(hidden);
}

}  // namespace oko::models::qwen3_vl
