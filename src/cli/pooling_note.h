#pragma once

#include <filesystem>

namespace oko::cli {

/// Says on stderr that no file of an encoder tells how pooling works, and what oko does.
void say_assumed_pooling(const std::filesystem::path& model);

}  // namespace oko::cli
