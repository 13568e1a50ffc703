#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace oko::checkpoint {

/// The names of weight files in a folder: `stem` + `extension`, or shards of it.
struct CheckpointFormat {
  const char* stem;
  const char* extension;
};

inline constexpr CheckpointFormat kSafetensorsFormat{"model", ".safetensors"};
inline constexpr CheckpointFormat kTorchFormat{"pytorch_model", ".bin"};

/// The weight files of a model. Candidates in this order: the shards that the index names
/// ("model.safetensors.index.json"), if all of them exist; the single file; a complete set of
/// shards
/// ("model-00001-of-00003.safetensors") that no index names. Of several candidates it takes the
/// first that is quantized, or is not, as config.json says.
///
/// Empty: the folder has none. Throws kBadModel, with its name, for the first missing file if no
/// candidate is complete.
std::vector<std::filesystem::path> checkpoint_files(const std::filesystem::path& model_dir,
                                                    const CheckpointFormat& format);

/// Refuses a folder with a LoRA adapter, which would change the weights. Throws kBadModel.
void refuse_adapter(const std::filesystem::path& model_dir);

/// True if the folder has all files of a model that oko runs or converts: config.json, a tokenizer,
/// weights, and the settings of the modules that a modules.json names.
bool is_whole_model(const std::filesystem::path& model_dir);

/// Weights in formats that oko does not read ("model.gguf"), for messages: at most three names.
std::vector<std::string> unread_weights(const std::filesystem::path& model_dir);

}  // namespace oko::checkpoint
