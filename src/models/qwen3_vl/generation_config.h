#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace oko::models::qwen3_vl {

/// What the model's makers advise for generation: generation_config.json.
struct GenerationConfig {
  std::vector<std::int32_t> eos_token_ids;  ///< tokens that end an answer
  int top_k = 0;                            ///< 0: not limited
  float top_p = 1.0f;

  /// Reads generation_config.json, and config.json for end tokens where the former names none.
  /// Missing files and values of a wrong type leave the defaults. Throws kBadModel for files that
  /// are not JSON objects.
  static GenerationConfig load(const std::filesystem::path& model_dir);
};

}  // namespace oko::models::qwen3_vl
