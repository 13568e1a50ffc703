#pragma once

#include <vector>

#include "document/page.h"

namespace oko::document {

/// Quarter turns of the reading direction in which most of a page's text runs, clockwise: 0 to 3.
int usual_quarter_turns(const Page& page);

/// Those of a line: from its first word to its last one. `usual`: those of its page, for a line
/// that does not tell.
int quarter_turns(const Line& line, int usual);

/// Where a word stands on its line.
struct WordSpan {
  double begin = 0;  ///< along the line
  double end = 0;    ///< along the line
};

/// How a line of text runs: along and across as of `document/stretch.h`.
struct LineLayout {
  int quarter_turns = 0;  ///< of the reading direction, clockwise: 0 to 3
  double bottom = 0;      ///< of the letters, across
  double size = 0;        ///< of the letters with their descents
  std::vector<WordSpan> words;
};

/// The lines of a page whose boxes are upright rectangles around letters. A line runs from its
/// first word to its last one, by quarter turns. Where lines slope, each is given level, at the
/// height that it has in the middle of the text: readers that part text into lines by its height,
/// as poppler does, find no phrase on a slope.
std::vector<LineLayout> line_layouts(const Page& page);

}  // namespace oko::document
