#pragma once

#include <cstdint>
#include <filesystem>

#include "hub/hub_access.h"
#include "hub/pull.h"
#include "hub/repository.h"

namespace oko::hub {

/// Throws kFailed.
void make_pull_folder(const std::filesystem::path& folder);

/// Fetches the files of `model` to the folder `working`, where an earlier call may have begun.
/// Files that `before` has, the folder of another commit, are linked from there; blobs of Hugging
/// Face's cache are copied. The settings come first, and `options.check` sees them before the
/// weights come; if it throws, nothing is left. Returns the bytes that were fetched. Throws as
/// `pull_model`.
std::uint64_t fetch_files(const PullOptions& options, const HubAccess& access, Repository model,
                          const std::filesystem::path& working,
                          const std::filesystem::path& before);

/// Gives the complete folder `working` the name `folder`, in place of what is there.
void put_in_place(const std::filesystem::path& working, const std::filesystem::path& folder);

}  // namespace oko::hub
