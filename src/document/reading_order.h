#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "document/stretch.h"

namespace oko::document {

/// Where a word stands, in the frame of its reading direction.
struct PlacedWord {
  Stretch along;
  Stretch across;
};

/// Lines of words in reading order, as numbers in `words`, which come in the order of the file's
/// content. A recursive XY-cut (Nagy and Seth, 1984): what stands side by side with a gap between
/// it is read in columns where the content was written in columns, or lines of several words fill
/// each of them, and otherwise in rows, as a table.
std::vector<std::vector<std::size_t>> reading_order(std::span<const PlacedWord> words);

}  // namespace oko::document
