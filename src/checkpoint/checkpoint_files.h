#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace oko::checkpoint {

/// A way in which a folder keeps weights: `stem` + `extension`, or shards of it.
struct CheckpointFormat {
  const char* stem;
  const char* extension;
};

inline constexpr CheckpointFormat kSafetensorsFormat{"model", ".safetensors"};
inline constexpr CheckpointFormat kTorchFormat{"pytorch_model", ".bin"};

/// The files that are the model's weights, for every part of oko. Candidates in this order: the
/// shards that the index names ("model.safetensors.index.json"), if all of them are there; the
/// single file; a whole set of shards ("model-00001-of-00003.safetensors") that no index names.
/// Where there are several, the first one that is quantized or not as config.json says.
///
/// Empty: the folder has none. Throws kBadModel, with its name, for the first file that is missing
/// where no candidate is whole.
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
