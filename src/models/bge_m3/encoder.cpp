#include "models/bge_m3/encoder.h"

#include <mlx/array.h>
#include <mlx/ops.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/localized_text.h"
#include "tensor/attention.h"
#include "tensor/compute_dtype.h"
#include "tensor/device.h"

namespace oko::models::bge_m3 {
namespace {

/// The prefix of the names of the encoder's tensors.
std::string find_prefix(const tensor::Weights& weights) {
  for (const char* prefix : {"", "roberta.", "bert."}) {
    const std::string norm = std::string(prefix) + "embeddings.LayerNorm.";
    if (weights.contains(norm + "weight") || weights.contains(norm + "gamma")) return prefix;
  }
  throw Error(ErrorCode::kBadModel,
              tr("the weights have no embeddings.LayerNorm.weight",
                 "в весах нет embeddings.LayerNorm.weight"),
              hint_for_encoders());
}

LayerLoader loader_of(const tensor::Weights& weights, const Config& config) {
  return {weights, config.quantization, find_prefix(weights), config.layer_norm_eps,
          tensor::cpu::Precision::kInt8Activations};
}

mx::array load_token_type(const LayerLoader& load, const Config& config) {
  const mx::array all = load.weights.get(load.prefix + "embeddings.token_type_embeddings.weight",
                                         {config.type_vocab_size, config.hidden_size});
  mx::array first = mx::slice(all, {0, 0}, {1, config.hidden_size});
  first = mx::astype(first, tensor::compute_dtype(all.dtype()));
  first.eval();
  return first;
}

}  // namespace

Encoder::Layer::Layer(const LayerLoader& load, const Config& config)
    : query(load.linear("attention.self.query", config.hidden_size, config.hidden_size)),
      key(load.linear("attention.self.key", config.hidden_size, config.hidden_size)),
      value(load.linear("attention.self.value", config.hidden_size, config.hidden_size)),
      attention_output(
          load.linear("attention.output.dense", config.hidden_size, config.hidden_size)),
      intermediate(load.linear("intermediate.dense", config.intermediate_size, config.hidden_size)),
      output(load.linear("output.dense", config.hidden_size, config.intermediate_size)),
      attention_norm(load.layer_norm("attention.output.LayerNorm", config.hidden_size)),
      output_norm(load.layer_norm("output.LayerNorm", config.hidden_size)) {}

Encoder::Encoder(const tensor::Weights& weights, const Config& config)
    : Encoder(loader_of(weights, config), config) {}

Encoder::Encoder(const LayerLoader& load, const Config& config)
    : config_(config),
      word_embeddings_(
          load.linear("embeddings.word_embeddings", config.vocab_size, config.hidden_size)),
      position_embeddings_(load.linear("embeddings.position_embeddings",
                                       config.max_position_embeddings, config.hidden_size)),
      token_type_(load_token_type(load, config)),
      norm_(load.layer_norm("embeddings.LayerNorm", config.hidden_size)) {
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    layers_.emplace_back(load.part("encoder.layer." + std::to_string(i) + "."), config);
  }
}

mx::array Encoder::embed(const PackedTexts& texts) const {
  std::vector<std::int32_t> positions;
  positions.reserve(texts.ids.size());
  for (std::size_t i = 0; i + 1 < texts.cu_seqlens.size(); ++i) {
    for (int at = texts.cu_seqlens[i]; at < texts.cu_seqlens[i + 1]; ++at) {
      positions.push_back(config_.first_position + at - texts.cu_seqlens[i]);
    }
  }
  const auto rows = [](const tensor::Linear& table, const std::vector<std::int32_t>& ids) {
    return table.embed(mx::array(ids.data(), {static_cast<int>(ids.size())}, mx::int32));
  };
  const mx::array words = mx::add(rows(word_embeddings_, texts.ids), token_type_);
  return norm_(mx::add(words, rows(position_embeddings_, positions)));
}

mx::array Encoder::attend(const Layer& layer, const mx::array& x, std::span<const int> cu_seqlens,
                          const StopToken& stop) const {
  const int head_dim = config_.hidden_size / config_.num_attention_heads;
  std::vector<mx::array> qkv =
      tensor::Linear::multiply_all(x, {&layer.query, &layer.key, &layer.value});
  const auto heads = [&](const mx::array& part) {
    return tensor::reshape(part, {x.shape(0), config_.num_attention_heads, head_dim});
  };
  // Unquantized models run attention in f32 as well.
  const auto precision = layer.query.is_quantized() ? tensor::cpu::Precision::kInt8Activations
                                                    : tensor::cpu::Precision::kFloat32;
  const mx::array attention =
      tensor::segment_attention(heads(qkv[0]), heads(qkv[1]), heads(qkv[2]), cu_seqlens,
                                1.0f / std::sqrt(static_cast<float>(head_dim)), precision, stop);
  qkv.clear();
  return layer.attention_norm(layer.attention_output.forward_residual(x, attention));
}

mx::array Encoder::feed_forward(const Layer& layer, const mx::array& x) const {
  return tensor::for_row_blocks(x.shape(0), kFeedForwardRows, [&](int first, int count) {
    const mx::array rows = mx::slice(x, {first, 0}, {first + count, x.shape(1)});
    const mx::array hidden =
        layer.intermediate.forward_activation(rows, tensor::cpu::Activation::kGelu);
    return layer.output_norm(layer.output.forward_residual(rows, hidden));
  });
}

mx::array Encoder::forward(const PackedTexts& texts, const StopToken& stop,
                           const ActivationHook& hook) const {
  const auto observe = [&](const std::string& stage, const mx::array& output) {
    if (hook) hook(stage, output);
  };
  mx::array x = embed(texts);
  x.eval();
  observe("embedded", x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    throw_if_stopped(stop);
    x = feed_forward(layers_[i], attend(layers_[i], x, texts.cu_seqlens, stop));
    x.eval();
    observe("layer." + std::to_string(i), x);
  }
  return x;
}

PassCost Encoder::cost_of(std::uint64_t tokens) const {
  PassCost work;
  for (const Layer& layer : layers_) {
    for (const tensor::Linear* linear :
         {&layer.query, &layer.key, &layer.value, &layer.attention_output, &layer.intermediate,
          &layer.output}) {
      work.add(*linear, tokens);
    }
  }
  return work;
}

}  // namespace oko::models::bge_m3
