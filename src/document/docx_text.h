#pragma once

#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// The text of a file of Word (Office Open XML, ECMA-376, transitional or strict): body, footnotes,
/// endnotes, comments, headers and footers, with title, language and date of last change. Left out:
/// deleted and hidden text, codes of fields, fallbacks, embedded files. Throws as
/// `read_text_document`.
void read_docx_text(std::string_view bytes, BlockWriter& writer);

}  // namespace oko::document
