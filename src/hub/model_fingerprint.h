#pragma once

#include <filesystem>
#include <string>

namespace oko::hub {

/// 32 hexadecimal digits that differ between models, and are the same for copies of one, aligned or
/// not. Reads the names and shapes of all tensors, parts of their content, and the settings of
/// pooling: some megabytes. Throws kBadModel.
std::string model_fingerprint(const std::filesystem::path& model_dir);

}  // namespace oko::hub
