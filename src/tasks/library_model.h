#pragma once

#include <filesystem>
#include <string>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/library.h"

namespace oko::tasks {

/// What a library keeps of the model whose vectors it holds. Runs the model once, to see which
/// vectors it makes. `name`: as the user gives it; `folder`: of its files. Throws kBadModel, and as
/// Embedder.
index::LibraryModel library_model_of(const std::string& name, const std::filesystem::path& folder,
                                     engine::Embedder& embedder, const StopToken& stop);

}  // namespace oko::tasks
