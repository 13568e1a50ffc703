#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace oko::models::qwen3_vl {

/// The generation settings that the model recommends: generation_config.json.
struct GenerationConfig {
  /// Tokens that end an answer: those of generation_config.json, config.json and its text_config.
  std::vector<std::int32_t> eos_token_ids;
  std::string eos_token;            ///< tokenizer_config.json: ends an answer, too
  int top_k = 0;                    ///< 0: not limited
  float top_p = 1.0f;               ///< used if tokens are drawn
  float repetition_penalty = 1.0f;  ///< always used, as in transformers

  /// Keeps the defaults for missing files and for values that a sampler cannot use. Throws
  /// kBadModel for files that are not JSON objects and for values of a wrong type.
  static GenerationConfig load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::qwen3_vl
