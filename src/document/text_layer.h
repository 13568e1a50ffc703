#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "document/page.h"

namespace oko::document {

/// Letters that belong together in the file: a word, or a part of one if its font changes.
struct TextPiece {
  std::string text;  ///< UTF-8
  Box box;           ///< pixels of the page's picture
  bool space_after = false;
  int quarter_turns = 0;    ///< of its reading direction, clockwise: 0 to 3
  bool is_painted = true;   ///< false: render mode 3, as of text that a program has read
  bool is_shown = true;     ///< false: of a hidden layer of the file
  bool is_divided = false;  ///< ends in a soft hyphen: its word may continue in the next line
  bool is_seen = true;      ///< false: nothing on the page shows it
  void* object = nullptr;   ///< of PDFium, that holds it
};

/// The pieces, given in the order of the file's content, as words, lines and blocks of a page of
/// `width` × `height` pixels, in reading order: upright text before turned text, unless there is
/// far less of it. Without `keeps_outside`, drops pieces outside the page and clips the boxes of
/// others. Text drawn twice in one place counts once. A word divided by a soft hyphen is joined in
/// the line in which it begins, with its box there.
Page page_of_text(const std::vector<TextPiece>& pieces, int width, int height,
                  bool keeps_outside = false);

/// The number of pieces outside the page.
std::size_t count_outside(const std::vector<TextPiece>& pieces, int width, int height);

/// The number of characters of its words, which have no white space.
std::size_t count_characters(const Page& page);

/// True if the text is readable: not white space alone, nor mostly replacement, private or control
/// characters, as of fonts without a map to Unicode.
bool is_readable(const Page& page);

}  // namespace oko::document
