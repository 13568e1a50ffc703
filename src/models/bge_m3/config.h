#pragma once

#include <filesystem>

#include "tensor/quantization.h"

namespace oko::models::bge_m3 {

/// What becomes of a text's hidden states in its dense vector.
enum class Pooling { kCls, kMean };

/// An encoder of the BERT family: config.json, names as there, and what sentence-transformers keeps
/// beside it.
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
  Pooling pooling = Pooling::kCls;  ///< 1_Pooling/config.json; BGE-M3's where there is none
  tensor::QuantizationConfig quantization;
  std::uint64_t number_bytes = 2;  ///< of a weight that is not quantized: `dtype`

  /// Tokens that a text may have.
  int max_tokens() const { return max_position_embeddings - first_position; }

  /// Reads the files of a model folder. Throws kBadModel: missing, not JSON, another architecture
  /// than XLM-RoBERTa or BERT, a value missing or out of its range.
  static Config load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::bge_m3
