#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "document/page.h"
#include "ocr/script.h"

namespace oko::ocr {

/// The script of a word, by the letters that only one of the two has; nothing if it has none of
/// them, or some of both.
std::optional<Script> deciding_script(std::string_view word);

/// True if two words differ only in letters that print draws alike ("ATX" and "АТХ").
bool look_alike(std::string_view word, std::string_view other);

/// Repairs words of one line whose Latin and Cyrillic letters were taken for each other, as
/// recognition of two languages at once leaves them. No dictionary:
///
/// - In a word of both scripts, letters that only one of them has decide ("кв" in "Mосква"
///   with a Latin M, "U" in "СРU" with a Cyrillic С and Р). If both have such letters, the word
///   stays.
/// - A word of look-alikes alone follows its neighbours, the nearest words with deciding
///   letters on both sides ("share а link", "Ha кухне"); if they disagree or one is missing, it
///   follows two thirds of the line, or else the only one. A word that begins a sentence has none
///   before it; one letter belongs to the Cyrillic word that follows it. Several capitals, and
///   names of 3 letters and more, stay unless they mix scripts or stand next to capitals: "PC" and
///   "Tea" stand in Russian lines too.
/// - Up to 3 small Cyrillic letters right before a Latin word, all of which recognition takes for
///   Latin ones, become those ("оп the floor": п for n, г for r, и for u), but "по" and "со" only
///   in lines that are Latin otherwise; and a | whose neighbour is Latin becomes I.
/// - "с", "у" and "о" stay between Latin words ("macOS с Bluetooth"): English has no such words.
/// - Look-alikes next to digits ("А1B2") decide nothing and stay; after ° stands a Latin letter.
///
/// `words`: UTF-8. Everything but letters stays where it is. Returns how many words were changed.
int repair_homoglyphs(std::vector<std::string>& words);

/// Repairs all lines of a page. A look-alike capital that is the only text becomes Latin: a key, a
/// grade or a size is likelier than a Russian letter.
int repair_homoglyphs(document::Page& page);

}  // namespace oko::ocr
