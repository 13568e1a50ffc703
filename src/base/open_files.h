#pragma once

#include <cstddef>

namespace oko {

/// Files that this process may have open at once (`ulimit -n`).
std::size_t open_file_limit();

/// Raises it where the system allows. For `main` to call.
void raise_open_file_limit();

/// True if `count` more files can be opened now.
bool can_open_files(std::size_t count);

}  // namespace oko
