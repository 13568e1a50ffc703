#pragma once

namespace oko::cli {

/// True if text on `file` may be coloured: a terminal, TERM not "dumb", NO_COLOR not set or empty
/// (no-color.org).
bool has_colour(int file);

}  // namespace oko::cli
