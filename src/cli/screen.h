#pragma once

#include <cstddef>
#include <optional>

namespace oko::cli {

/// True if text on `file` may be coloured: a terminal, TERM not "dumb", NO_COLOR not set or empty
/// (no-color.org).
bool has_colour(int file);

/// The columns of the terminal on `file`; nothing if it is none, or tells none.
std::optional<std::size_t> width_of(int file);

}  // namespace oko::cli
