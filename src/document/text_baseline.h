#pragma once

#include <vector>

#include "document/page.h"

namespace oko::document {

/// Quarter turns of the reading direction of most of a page's text, clockwise: 0 to 3.
int usual_quarter_turns(const Page& page);

/// The quarter turns of a line, by its first and last word. `usual`: those of its page, for a line
/// whose direction is unclear.
int quarter_turns(const Line& line, int usual);

/// The place of a word on its line.
struct WordSpan {
  double begin = 0;  ///< along the line
  double end = 0;    ///< along the line
};

/// The layout of a line of text: along and across as in `document/stretch.h`.
struct LineLayout {
  int quarter_turns = 0;  ///< of the reading direction, clockwise: 0 to 3
  double bottom = 0;      ///< of the letters, across
  double size = 0;        ///< of the letters with their descents
  std::vector<WordSpan> words;
};

/// The lines of a page whose boxes are upright rectangles around letters. A line runs from its
/// first word to its last one, by quarter turns. Sloping lines become level, at their height in the
/// middle of the text: readers that split text into lines by its height, such as poppler, find no
/// phrase on a slope.
std::vector<LineLayout> line_layouts(const Page& page);

}  // namespace oko::document
