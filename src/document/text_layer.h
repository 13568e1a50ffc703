#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "document/page.h"

namespace oko::document {

/// Letters that a file says stand together: a word, or a part of one where the font changes in it.
struct TextPiece {
  std::string text;  ///< UTF-8
  Box box;           ///< pixels of the page's picture
  bool space_after = false;
  int quarter_turns = 0;    ///< of its reading direction, clockwise: 0 to 3
  bool is_painted = true;   ///< false: render mode 3, as of text that a program has read
  bool is_shown = true;     ///< false: of a layer of the file that is not shown
  bool is_divided = false;  ///< ends in a soft hyphen: its word may go on in the next line
  bool is_seen = true;      ///< false: nothing on the page shows it
  void* object = nullptr;   ///< of PDFium, that holds it
};

/// The pieces, given in the order of the file's content, as words, lines and blocks of a page of
/// `width` × `height` pixels, in reading order: upright text before turned text where there is more
/// of it. Unless it `keeps_outside`, pieces outside of the page are left out, and the boxes of
/// others end where it ends. Text drawn twice in one place counts once. A word that a soft hyphen
/// divides is whole in the line in which it begins, with the box that it has there.
Page page_of_text(const std::vector<TextPiece>& pieces, int width, int height,
                  bool keeps_outside = false);

/// Pieces that are outside of the page.
std::size_t count_outside(const std::vector<TextPiece>& pieces, int width, int height);

/// Characters of its words, which have no white space.
std::size_t count_characters(const Page& page);

/// True if it is text that a person can read: not white space alone, nor, for the most part,
/// replacement, private or control characters, as fonts without their map to Unicode leave them.
bool is_readable(const Page& page);

}  // namespace oko::document
