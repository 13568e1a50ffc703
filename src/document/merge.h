#pragma once

#include <string_view>

#include "document/page.h"

namespace oko::document {

/// Stands for a character whose meaning the file does not give: U+FFFD.
inline constexpr std::string_view kUnknown = "\uFFFD";

bool is_unclear(const Word& word);

/// The text layer of a page, completed by words read in the page's picture where the layer has
/// nothing or lacks characters of a word. Leaves out read words of little confidence. Lines in
/// reading order.
Page merged(Page told, const Page& read);

/// The read words without those that the file has at the same place.
Page without_told(const Page& told, Page read);

/// The same text, with confidence 0.
Page doubted(Page told);

/// The same text, with confidence 0 for unclear words.
Page doubted_where_unclear(Page told);

/// True if the file has most of the surely read words at the same place.
bool agree(const Page& told, const Page& read);

}  // namespace oko::document
