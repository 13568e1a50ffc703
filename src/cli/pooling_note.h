#pragma once

#include <filesystem>

namespace oko::cli {

/// Prints a note on stderr that no file of an encoder says how pooling works, with what oko
/// assumes.
void say_assumed_pooling(const std::filesystem::path& model);

}  // namespace oko::cli
