#pragma once

#include <vector>

#include "base/localized_text.h"
#include "document/page.h"
#include "document/pdf.h"
#include "image/image.h"

namespace oko::document {

struct PdfPageOptions {
  bool only_painted = false;  ///< leaves out invisible text
  bool always_draws = false;  ///< the picture of a page that its text does not need, too
};

/// What a page of a PDF has: its text, and its picture if the text may not be all.
struct PdfPage {
  TextLayer layer = {};
  bool plausible = false;          ///< the text
  std::vector<Box> unclear = {};   ///< lines of the text
  std::vector<Box> pictures = {};  ///< outside the text
  image::Image image = {};         ///< without pixels: not drawn
  std::vector<LocalizedText> notes = {};
};

/// Throws as Pdf's functions.
PdfPage read_pdf_page(const Pdf& pdf, int page, const PdfPageOptions& options);

}  // namespace oko::document
