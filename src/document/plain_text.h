#pragma once

#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// Paragraphs of plain text, in any encoding of `decode_text`: an empty line or a form feed ends
/// one. Its lines stay lines.
void read_plain_text(std::string_view bytes, BlockWriter& writer);

/// The same of UTF-8.
void add_paragraphs(std::string_view text, BlockWriter& writer);

}  // namespace oko::document
