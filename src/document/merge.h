#pragma once

#include "ocr/page.h"

namespace oko::document {

/// The text that a file tells of a page, and with it what was read in the page's picture where the
/// file tells nothing: words with little confidence are left out. Lines in reading order.
ocr::Page merged(ocr::Page told, const ocr::Page& read);

/// What was read, without the words that are told at the same place.
ocr::Page without_told(const ocr::Page& told, ocr::Page read);

/// The same text, with no confidence in it.
ocr::Page doubted(ocr::Page told);

/// Whether most of what was read surely is told at the same place.
bool agree(const ocr::Page& told, const ocr::Page& read);

}  // namespace oko::document
