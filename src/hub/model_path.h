#pragma once

#include <filesystem>
#include <string>

namespace oko::hub {

/// The folder of a model that a user names: a folder with a config.json; else
/// `$OKO_HOME/models/NAME`; else the snapshot of NAME ("mlx-community/Qwen3-VL-4B-Instruct-4bit")
/// in the Hugging Face cache (`find_snapshot`); else the same for the repository of a short name
/// ("qwen3-vl-4b"). Throws kModelNotFound: found nowhere; kBadModel.
std::filesystem::path find_model(const std::string& name);

/// The default model of `oko describe`.
inline constexpr const char* kDefaultVisionLanguageModel =
    "mlx-community/Qwen3-VL-4B-Instruct-4bit";

/// The default model of `oko embed`: what `oko pull bge-m3` makes of BAAI/bge-m3.
inline constexpr const char* kDefaultEmbeddingModel = "bge-m3";

}  // namespace oko::hub
