#pragma once

#include <string>
#include <string_view>

namespace oko::document {

/// The words of Markdown within a block: the text of links and pictures, code as it is, entities as
/// characters; without marks of emphasis, tags, comments and addresses of links. Linear in time.
std::string markdown_words(std::string_view text);

}  // namespace oko::document
