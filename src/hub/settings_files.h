#pragma once

#include <filesystem>
#include <string>

namespace oko::hub {

/// Copies the tokenizer's files, templates and settings of a model folder (.json, .jinja, .txt,
/// .model, but neither config.json nor an index of shards), and the folders that modules.json
/// names, with their weights. Throws kFailed, kBadModel.
void copy_settings(const std::filesystem::path& source, const std::filesystem::path& destination);

/// Copies a file; follows a link of a Hugging Face cache. Throws kFailed.
void copy_model_file(const std::filesystem::path& source, const std::filesystem::path& destination);

/// The "model_type" in a folder's config.json; empty if it says none. Throws kBadModel.
std::string model_type_of(const std::filesystem::path& folder);

/// True if a file of the folder says how an encoder's pooling works.
bool says_pooling(const std::filesystem::path& source);

}  // namespace oko::hub
