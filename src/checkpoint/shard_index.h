#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace oko::checkpoint {

/// File names of the shards in an index ("model.safetensors.index.json"): plain names, in the
/// folder of the index. Throws kBadModel.
std::set<std::string> shard_names(const std::filesystem::path& index);

}  // namespace oko::checkpoint
