#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/stop_token.h"
#include "engine/embedder.h"
#include "index/library.h"

namespace oko::tasks {

/// What is put before texts; none: what the model says of itself.
struct Prefixes {
  std::optional<std::string> query = {};
  std::optional<std::string> passage = {};
};

/// What a library keeps of the model whose vectors it holds, but for the direction of the language.
/// Runs the model once, to see which vectors it makes. `name`: as the user gives it; `folder`: of
/// its files. Models that are named e5 and whose files say nothing have the prefixes of e5. Throws
/// kBadModel, and as Embedder.
index::LibraryModel library_model_of(const std::string& name, const std::filesystem::path& folder,
                                     engine::Embedder& embedder, const Prefixes& prefixes,
                                     const StopToken& stop);

/// Learns the direction of the language from texts of oko's own: one pass of some 1,400 tokens.
/// Throws as Embedder.
void learn_language_direction(engine::Embedder& embedder, index::LibraryModel& model,
                              const StopToken& stop);

}  // namespace oko::tasks
