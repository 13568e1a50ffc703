#pragma once

#include <string_view>

#include "document/block_writer.h"

namespace oko::document {

/// The words of Markdown (CommonMark and GitHub's tables) with its blocks: front matter (YAML or
/// TOML: title, date, language, tags), headings, paragraphs, items of lists, rows of tables, code.
/// Syntax is dropped. Time is linear in the size. What needs the whole of CommonMark is simpler:
/// see docs/DECISIONS.md, 147.
void read_markdown_text(std::string_view bytes, BlockWriter& writer);

}  // namespace oko::document
