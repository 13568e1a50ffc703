#pragma once

#include <set>
#include <string>
#include <vector>

#include "document/page.h"
#include "document/pdfium.h"
#include "document/text_layer.h"

namespace oko::document {

bool is_finite(const FS_RECTF& box);

/// Converts points of a page to pixels of its picture, cut to its crop box and turned as the file
/// asks. PDFium's lock is held.
class PageToPicture {
 public:
  /// `width`, `height`: of the picture, pixels.
  PageToPicture(FPDF_PAGE page, int width, int height);

  Box box(const FS_RECTF& place) const;

  int quarter_turns() const { return quarter_turns_; }  ///< of the page, clockwise: 0 to 3

 private:
  FS_RECTF shown_{};
  int quarter_turns_ = 0;
  float width_, height_;
};

/// The text of the page's content, in its order, as pieces of adjacent letters. U+FFFD stands for
/// letters without a meaning in Unicode. Splits ligatures, drops soft hyphens and white space; a
/// soft hyphen at the end of a piece marks it. `hidden_layers`: their names. PDFium's lock is held.
std::vector<TextPiece> text_pieces(FPDF_PAGE page, const PageToPicture& to_picture,
                                   const std::set<std::string>& hidden_layers);

}  // namespace oko::document
