#include "ocr/better_words.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "ocr/homoglyphs.h"
#include "ocr/script.h"
#include "text/utf8.h"

namespace oko::ocr {
namespace {

// Found on lines of tools/ocr/make_pages.py (short_mixed) with seed 21.
constexpr float kSurelyRead = 0.75f;   // of a word of a dictionary in place of another text
constexpr float kSurer = 0.05f;        // of capitals in place of small letters
constexpr float kMuchSurer = 0.1f;     // if dictionaries do not help
constexpr float kLeastOverlap = 0.3f;  // of the narrower word's width

using Words = std::vector<WordCandidate>;

/// Letters and digits of one place.
struct Signs {
  int cyrillic = 0, latin = 0, digits = 0, capitals = 0;
  bool is_code() const { return digits > 0 && cyrillic + latin > 0; }
};

Signs signs_of(std::string_view text) {
  Signs signs;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    at += step.length;
    const Script script = script_of(step.code_point);
    signs.capitals += is_capital(step.code_point) ? 1 : 0;
    signs.digits += is_digit(step.code_point) ? 1 : 0;
    signs.cyrillic += script == Script::kCyrillic ? 1 : 0;
    signs.latin += script == Script::kLatin ? 1 : 0;
  }
  return signs;
}

bool overlap(const document::Box& a, const document::Box& b) {
  const float shared = std::min(a.left + a.width, b.left + b.width) - std::max(a.left, b.left);
  return shared > kLeastOverlap * std::min(a.width, b.width);
}

/// The words of the readings at one place.
struct WordPlace {
  Words words, others;

  bool touches(const document::Box& box) const {
    const auto here = [&](const WordCandidate& word) { return overlap(word.box, box); };
    return std::any_of(words.begin(), words.end(), here) ||
           std::any_of(others.begin(), others.end(), here);
  }
};

std::string text_of(const Words& words) {
  std::string text;
  for (const WordCandidate& word : words) text += (text.empty() ? "" : " ") + word.word.text;
  return text;
}

/// True if the words of a place end with the word of a box next to it: the box of words that
/// Tesseract joined may cover the first one only.
bool has_at_end(const WordPlace& place, const std::string& text) {
  const std::string own = text_of(place.words);
  return own.size() > text.size() && own.ends_with(text);
}

std::vector<WordPlace> places_of(Words line, Words other) {
  std::vector<WordPlace> places;
  auto word = line.begin(), rival = other.begin();
  while (word != line.end() || rival != other.end()) {
    const bool takes_word =
        rival == other.end() || (word != line.end() && word->box.left <= rival->box.left);
    WordCandidate& next = takes_word ? *word++ : *rival++;
    const bool is_same =
        !places.empty() && (places.back().touches(next.box) ||
                            (!takes_word && has_at_end(places.back(), next.word.text)));
    if (!is_same) places.emplace_back();
    (takes_word ? places.back().words : places.back().others).push_back(std::move(next));
  }
  return places;
}

float confidence_of(const Words& words) {
  float least = 1;
  for (const WordCandidate& word : words) least = std::min(least, word.word.confidence);
  return least;
}

Familiarity familiarity(const Words& words, const FamiliarityOf& familiarity_of) {
  Familiarity least = Familiarity::kListed;
  for (const WordCandidate& word : words) {
    const Familiarity own = familiarity_of(word.word.text);
    // Surely read text that is not a word may be a name.
    const bool is_sure = own != Familiarity::kDictionary || word.word.confidence >= kSurelyRead;
    least = std::min(least, is_sure ? own : Familiarity::kNone);
  }
  return least;
}

std::string without_spaces(std::string text) {
  std::erase(text, ' ');
  return text;
}

std::string small_letters(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    at += step.length;
    text::append_utf8(result, small_letter(step.code_point));
  }
  return result;
}

/// The required lead in confidence of another reading if both are equally familiar. It may separate
/// words.
float margin_for(const Words& words, const Words& others, Familiarity familiarity) {
  if (familiarity == Familiarity::kListed) return 0;
  const std::string text = without_spaces(text_of(words)), other = without_spaces(text_of(others));
  const bool parts = others.size() > words.size() && (text == other || look_alike(text, other));
  return parts ? 0 : kMuchSurer;
}

/// `has_cyrillic`: at other places of the line.
bool is_better(const Words& others, const Words& words, bool has_cyrillic,
               const FamiliarityOf& familiarity_of) {
  const std::string text = text_of(words), other = text_of(others);
  if (text == other) return false;
  const Signs signs = signs_of(text), other_signs = signs_of(other);
  const bool joins = others.size() < words.size() && without_spaces(text) == without_spaces(other);
  if (joins && signs.cyrillic + signs.latin == 0) return false;  // a sum keeps its space
  const float confidence = confidence_of(words), other_confidence = confidence_of(others);
  if (small_letters(text) == small_letters(other)) {
    return other_signs.capitals > signs.capitals && other_confidence >= confidence + kSurer;
  }
  if (text == "Ne" || text == "No") return other == "№" && other_confidence >= kSurelyRead;
  const Familiarity own = familiarity(words, familiarity_of),
                    others_own = familiarity(others, familiarity_of);
  if (own != others_own) {
    // A Russian word in a line of English proves nothing.
    const bool fits = other_signs.cyrillic == 0 || signs.cyrillic > 0 || has_cyrillic;
    return others_own > own && fits && other_confidence >= kSurelyRead;
  }
  if (signs.is_code() && look_alike(text, other)) return signs.cyrillic > other_signs.cyrillic;
  return other_confidence >= confidence + margin_for(words, others, own);
}

int count_cyrillic(const Words& words) {
  return static_cast<int>(std::count_if(words.begin(), words.end(), [](const WordCandidate& word) {
    return signs_of(word.word.text).cyrillic > 0;
  }));
}

}  // namespace

void take_better_words(Words& line, Words other, const FamiliarityOf& familiarity_of) {
  const auto from_the_left = [](const WordCandidate& a, const WordCandidate& b) {
    return a.box.left < b.box.left;
  };
  if (!std::is_sorted(line.begin(), line.end(), from_the_left)) return;
  std::sort(other.begin(), other.end(), from_the_left);
  const int cyrillic = count_cyrillic(line);
  std::vector<WordPlace> places = places_of(std::move(line), std::move(other));
  line.clear();
  for (WordPlace& place : places) {
    const bool takes_other = !place.words.empty() && !place.others.empty() &&
                             is_better(place.others, place.words,
                                       cyrillic > count_cyrillic(place.words), familiarity_of);
    Words& best = takes_other ? place.others : place.words;
    line.insert(line.end(), std::make_move_iterator(best.begin()),
                std::make_move_iterator(best.end()));
  }
}

}  // namespace oko::ocr
