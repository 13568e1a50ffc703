#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oko::document {

/// A character reference: "&amp;", "&#1103;", "&#x44F;".
struct HtmlEntity {
  std::size_t length = 0;  ///< bytes; 0: it is none
  char32_t code_point = 0;
};

/// The reference at `at`, where `text` has "&". Names are those of HTML 4; one without ";" counts
/// if no letter or digit follows it.
HtmlEntity entity_at(std::string_view text, std::size_t at);

/// `text` with characters in place of references.
std::string without_entities(std::string_view text);

}  // namespace oko::document
