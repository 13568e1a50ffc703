#pragma once

#include <cstdint>
#include <filesystem>

namespace oko::hub {

/// Throws kFailed, with both numbers, if the disk of the existing `folder` has less than `bytes`
/// free, or if its free space is unknown.
void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace oko::hub
