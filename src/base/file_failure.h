#pragma once

#include <filesystem>

#include "base/error.h"

namespace oko {

/// Reports that a file cannot be opened or read because of `error`, an errno. Throws `code`, but
/// kNotFound for kBadInput if the file is missing.
[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int error, ErrorCode code);

/// Throws `code` unless `mode`, the st_mode of stat, is that of a regular file.
void require_regular_file(unsigned int mode, const std::filesystem::path& path, ErrorCode code);

}  // namespace oko
