#pragma once

#include <string_view>

#include "ocr/page.h"

namespace oko::document {

/// What stands for a character whose meaning a file does not tell: U+FFFD.
inline constexpr std::string_view kUnknown = "\uFFFD";

bool is_unclear(const ocr::Word& word);

/// The text that a file tells of a page, and with it what was read in the page's picture where the
/// file tells nothing, or not all characters of a word: words with little confidence are left out.
/// Lines in reading order.
ocr::Page merged(ocr::Page told, const ocr::Page& read);

/// What was read, without the words that are told at the same place.
ocr::Page without_told(const ocr::Page& told, ocr::Page read);

/// The same text, with no confidence in it.
ocr::Page doubted(ocr::Page told);

/// The same text, with no confidence in words that are unclear.
ocr::Page doubted_where_unclear(ocr::Page told);

/// Whether most of what was read surely is told at the same place.
bool agree(const ocr::Page& told, const ocr::Page& read);

}  // namespace oko::document
