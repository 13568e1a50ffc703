#pragma once

#include <filesystem>

#include "base/error.h"

namespace oko {

/// Throws `code`, but kNotFound for kBadInput if the file is missing: it cannot be opened or read
/// because of `error`, as errno has it.
[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int error, ErrorCode code);

/// Throws `code` unless `mode`, as stat has it, is that of a regular file.
void require_regular_file(unsigned int mode, const std::filesystem::path& path, ErrorCode code);

}  // namespace oko
