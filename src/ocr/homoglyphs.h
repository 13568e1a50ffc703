#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "document/page.h"
#include "ocr/script.h"

namespace oko::ocr {

/// The script of a word, by the letters that only one script has; nothing if the word has no such
/// letters, or some of both.
std::optional<Script> deciding_script(std::string_view word);

/// True if two words differ only in letters that look alike in print ("ATX" and "АТХ").
bool look_alike(std::string_view word, std::string_view other);

/// Repairs words of one line whose Latin and Cyrillic letters were mixed up by recognition of two
/// languages at once. Uses no dictionary:
///
/// - In a word of both scripts, letters that only one of them has decide ("кв" in "Mосква"
///   with a Latin M, "U" in "СРU" with a Cyrillic С and Р). If both have such letters, the word
///   stays.
/// - A word of look-alikes alone follows its neighbours, the nearest words with deciding
///   letters on both sides ("share а link", "Ha кухне"); if they disagree or one is missing, it
///   follows two thirds of the line, or else the only one. A word that begins a sentence has none
///   before it; one letter belongs to the Cyrillic word that follows it. Several capitals, and
///   names of 3 letters and more, stay unless they mix scripts or are next to capitals: "PC" and
///   "Tea" occur in Russian lines too.
/// - Up to 3 small Cyrillic letters right before a Latin word become Latin if recognition mistakes
///   all of them for each other ("оп the floor": п for n, г for r, и for u), but "по" and "со" only
///   in lines that are Latin otherwise; and a | whose neighbour is Latin becomes I.
/// - "с", "у" and "о" stay between Latin words ("macOS с Bluetooth"): English has no such words.
/// - Look-alikes next to digits ("А1B2") decide nothing and stay; a letter after ° becomes Latin.
///
/// `words`: UTF-8. Changes letters only. Returns the number of changed words.
int repair_homoglyphs(std::vector<std::string>& words);

/// Repairs all lines of a page. A look-alike capital that is the only text becomes Latin: a key, a
/// grade or a size is likelier than a Russian letter.
int repair_homoglyphs(document::Page& page);

}  // namespace oko::ocr
