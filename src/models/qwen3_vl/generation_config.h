#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace oko::models::qwen3_vl {

/// The advice of the model's makers for generation: generation_config.json.
struct GenerationConfig {
  /// Tokens that end an answer: those of generation_config.json, config.json and its text_config.
  std::vector<std::int32_t> eos_token_ids;
  std::string eos_token;            ///< tokenizer_config.json: ends an answer, too
  int top_k = 0;                    ///< 0: not limited
  float top_p = 1.0f;               ///< used where tokens are drawn
  float repetition_penalty = 1.0f;  ///< used in any case, as transformers does

  /// Missing files, and values that a sampler cannot follow, leave the defaults. Throws kBadModel
  /// for files that are not JSON objects and for values of a wrong type.
  static GenerationConfig load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::qwen3_vl
