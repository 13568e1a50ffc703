#pragma once

#include <optional>

#include "document/pdf_text.h"
#include "document/pdfium_library.h"
#include "image/image.h"

namespace oko::document {

/// The place of an object on a page; none if it has no valid one. PDFium's lock is held.
std::optional<FS_RECTF> bounds_of(FPDF_PAGEOBJECT object);

/// True if a picture on the page left nothing in `drawn` because it cannot be decoded, or has lost
/// pixels. Decodes only the first pictures of many that left nothing. PDFium's lock is held.
bool has_damaged_picture(FPDF_PAGE page, const PageToPicture& to_picture,
                         const image::Image& drawn);

}  // namespace oko::document
