#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/stop_token.h"
#include "hub/repository.h"

namespace oko::hub {

/// The file of a pulled model's folder that says what it is: the repository, its commit, and the
/// hashes of the files, published and, where the header was padded, stored. It begins with a dot
/// and has no extension, so that `oko convert` does not take it for a setting.
inline constexpr const char* kManifestName = ".oko-manifest";

/// Throws kFailed.
void write_manifest(const std::filesystem::path& folder, const Repository& model);

/// The files of a folder, with the SHA-256 of each. For a model that was made here. Throws kFailed,
/// kCancelled.
std::vector<RepositoryFile> hash_files(const std::filesystem::path& folder, const StopToken& stop);

/// Nothing if there is none, or it is damaged.
std::optional<Repository> read_manifest(const std::filesystem::path& folder);

}  // namespace oko::hub
