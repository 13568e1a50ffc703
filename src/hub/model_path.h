#pragma once

#include <filesystem>
#include <string>

namespace oko::hub {

/// The folder of a model that a user names: a folder with a config.json; else
/// `$OKO_HOME/models/NAME`; else the snapshot of NAME ("mlx-community/Qwen3-VL-4B-Instruct-4bit")
/// in the Hugging Face cache (`find_snapshot`). Throws kBadModel: found nowhere.
std::filesystem::path find_model(const std::string& name);

/// The model that `oko describe` takes where none is named.
inline constexpr const char* kDefaultVisionLanguageModel =
    "mlx-community/Qwen3-VL-4B-Instruct-4bit";

/// The model that `oko embed` takes where none is named: what `oko convert BAAI/bge-m3` makes.
inline constexpr const char* kDefaultEmbeddingModel = "bge-m3";

}  // namespace oko::hub
