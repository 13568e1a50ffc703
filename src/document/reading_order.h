#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "document/stretch.h"

namespace oko::document {

/// The place of a word, in the frame of its reading direction.
struct PlacedWord {
  Stretch along;
  Stretch across;
};

/// Lines of words in reading order, as numbers in `words`, which come in the order of the file's
/// content. A recursive XY-cut (Nagy and Seth, 1984): words side by side with a gap between them
/// are read in columns if the content was written in columns, or if lines of several words fill
/// each column, and otherwise in rows, as a table.
std::vector<std::vector<std::size_t>> reading_order(std::span<const PlacedWord> words);

}  // namespace oko::document
