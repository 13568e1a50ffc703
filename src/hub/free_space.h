#pragma once

#include <cstdint>
#include <filesystem>

#include "base/localized_text.h"

namespace oko::hub {

/// Throws kFailed, with both numbers, if the disk of the existing `folder` has less than `bytes`
/// free, or if its free space is unknown. `hint`: what to do; by default a folder on another disk.
void require_free_space(const std::filesystem::path& folder, std::uint64_t bytes,
                        const LocalizedText& hint = {});

}  // namespace oko::hub
