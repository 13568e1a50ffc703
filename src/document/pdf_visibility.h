#pragma once

#include <vector>

#include "document/pdf_text.h"
#include "document/pdfium_library.h"
#include "document/text_layer.h"

namespace oko::document {

/// Marks the pieces of text that the page does not show: in the colour of their background, without
/// opacity, or under later content. Checks only pieces in doubt, by drawing the page with its text
/// and without. Text behind a scan, or invisible on it, is the scan's own and counts as seen,
/// unless it is blacked out. `width`, `height`: of the page's picture, pixels; `resolution`: of the
/// picture, pixels an inch; `has_layers`: some are hidden. PDFium's lock is held.
void mark_unseen(FPDF_PAGE page, const PageToPicture& to_picture, int width, int height,
                 double resolution, bool has_layers, std::vector<TextPiece>& pieces);

}  // namespace oko::document
