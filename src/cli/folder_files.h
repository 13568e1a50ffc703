#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"

namespace oko::cli {

/// The pictures and PDF in a folder.
struct FolderFiles {
  std::vector<std::string> files;
  std::vector<std::pair<std::string, Error>> unreadable;  ///< folders in it
};

/// Finds the pictures and PDF in a folder and in its folders, sorted by their paths. Their first
/// bytes decide, or the end of the name, so that a damaged picture is one. Leaves out hidden files
/// and folders, and visits a folder once, so that links end. Throws kNotFound if there are none;
/// kBadInput if the folder cannot be read; kCancelled.
FolderFiles pictures_in(const std::filesystem::path& folder, const StopToken& stop);

}  // namespace oko::cli
