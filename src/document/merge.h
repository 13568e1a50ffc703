#pragma once

#include <string_view>

#include "document/page.h"

namespace oko::document {

/// What stands for a character whose meaning a file does not tell: U+FFFD.
inline constexpr std::string_view kUnknown = "\uFFFD";

bool is_unclear(const Word& word);

/// The text that a file tells of a page, and with it what was read in the page's picture where the
/// file tells nothing, or not all characters of a word: words with little confidence are left out.
/// Lines in reading order.
Page merged(Page told, const Page& read);

/// The words that were read, without those that the file has at the same place.
Page without_told(const Page& told, Page read);

/// The same text, with no confidence in it.
Page doubted(Page told);

/// The same text, with no confidence in words that are unclear.
Page doubted_where_unclear(Page told);

/// True if the file has most of the surely read words at the same place.
bool agree(const Page& told, const Page& read);

}  // namespace oko::document
