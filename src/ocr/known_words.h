#pragma once

#include <string_view>

#include "ocr/script.h"

namespace oko::ocr {

/// True if a word, without the punctuation around it, is common on labels and price lists of
/// Russian shops, which mix scripts: a Russian abbreviation, unit or function word ("шт", "кВт",
/// "по"; also with a capital: "Тел") or a Latin name or unit ("HDMI", "mm"). Such words are short,
/// so print alone tells little of their script, and dictionaries lack them.
bool is_known_word(std::string_view word, Script script);

/// True if it is a Russian function word: these occur between Latin words, too.
bool is_function_word(std::string_view word);

}  // namespace oko::ocr
