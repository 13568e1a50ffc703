#pragma once

#include <filesystem>

#include "base/error.h"
#include "base/localized_text.h"

namespace oko {

/// Reports that a file cannot be opened or read because of `error`, an errno. Throws `code`, but
/// kNotFound for kBadInput if the file is missing.
[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int error, ErrorCode code);

/// The hint for a pipe that is named as an input, for commands that read standard input.
LocalizedText hint_of_pipes();

/// Throws `code` unless `mode`, the st_mode of stat, is that of a regular file.
void require_regular_file(unsigned int mode, const std::filesystem::path& path, ErrorCode code);

}  // namespace oko
