#pragma once

#include <filesystem>

#include "models/bge_m3/modules.h"
#include "tensor/quantization.h"

namespace oko::models::bge_m3 {

/// An encoder of the BERT family: config.json, names as there, and the settings of
/// sentence-transformers.
struct Config {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int vocab_size = 0;
  int max_position_embeddings = 0;
  int type_vocab_size = 1;
  float layer_norm_eps = 1e-5f;
  /// Position of the first token: pad_token_id + 1 in XLM-RoBERTa, 0 in BERT.
  int first_position = 0;
  Modules modules;  ///< the settings of sentence-transformers
  tensor::QuantizationConfig quantization;
  std::uint64_t number_bytes = 2;  ///< of a weight that is not quantized: `dtype`

  /// The most tokens of a text.
  int max_tokens() const;
  /// Numbers of a dense vector.
  int dense_size() const;

  /// Reads the files of a model folder. Throws kBadModel: missing, not JSON, another architecture
  /// than XLM-RoBERTa or BERT, a model with another task (a reranker, a language model without
  /// sentence-transformers' modules), a value missing or out of its range; and as `read_modules`.
  static Config load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::bge_m3
