#include "ocr/script_recheck.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>

#include "ocr/homoglyphs.h"
#include "ocr/known_words.h"
#include "text/utf8.h"

namespace oko::ocr {
namespace {

// Found on pages of tools/ocr/make_pages.py with seed 2.
constexpr float kSure = 0.88f;
constexpr float kBetter = 0.01f;     // if no neighbour disagrees
constexpr float kMuchBetter = 0.2f;  // if one does
constexpr float kDoubtful = 0.75f;   // of the first reading
constexpr int kLongWord = 5;         // letters
constexpr float kConfident = 0.9f;   // of a long word's first reading
constexpr float kPartIsSure = 0.8f;
constexpr float kPartIsBetter = 0.05f;
constexpr int kShortPart = 3;             // letters
constexpr int kLongestKnown = 4;          // letters of a Russian abbreviation
constexpr float kKnownIsSure = 0.6f;      // that a known word of two letters was read right
constexpr float kSureLetter = 0.85f;      // of one letter, and of function words
constexpr float kLongKnownIsSure = 0.5f;  // of three and more
constexpr float kValidIsSure = 0.85f;     // of a word of the dictionary in the first reading
constexpr float kOtherWord = 0.94f;       // of a word of the other dictionary in its place
constexpr float kBetterWord = 0.02f;
constexpr float kWordMargin = 4;  // pixels around a word

/// Counts of a word's letters by script and shape.
struct Letters {
  int characters = 0, cyrillic = 0, latin = 0, capitals = 0, digits = 0;

  int count() const { return cyrillic + latin; }
  Script script() const { return latin >= cyrillic ? Script::kLatin : Script::kCyrillic; }
  bool only(Script script) const {
    return count() > 0 && (script == Script::kLatin ? cyrillic : latin) == 0;
  }
  bool all_capitals() const { return count() > 1 && capitals == count(); }

  /// True if these may be another reading of the same print: as many characters, give or take one,
  /// and not all capitals if the others had small letters.
  bool may_be(const Letters& first) const {
    return std::abs(characters - first.characters) <= 1 &&
           (!all_capitals() || first.capitals == first.count());
  }
};

Letters letters_of(std::string_view text) {
  Letters letters;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    at += step.length;
    const char32_t c = step.code_point;
    ++letters.characters;
    if (is_digit(c)) ++letters.digits;
    const Script script = script_of(c);
    if (script == Script::kOther) continue;
    ++(script == Script::kLatin ? letters.latin : letters.cyrillic);
    if (is_capital(c)) ++letters.capitals;
  }
  return letters;
}

bool has_guillemet(std::string_view text) {
  return text.find("«") != std::string_view::npos || text.find("»") != std::string_view::npos;
}

document::Box with_margin(const document::Box& box, float across, float down) {
  return {box.left - across, box.top - down, box.width + 2 * across, box.height + 2 * down};
}

std::string uncapitalized(std::string_view word) {
  const text::Utf8Step first = text::next_utf8(word, 0);
  std::string result;
  text::append_utf8(result, small_letter(first.code_point));
  return result.append(word.substr(first.length));
}

bool is_separator(char c) {
  return c == '-' || c == '.' || c == '/' || c == '_';
}

/// Drops separators at the front: the box of a part may have some of the part before it.
void trim_separators(std::string& text) {
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_separator));
}

Script other(Script script) {
  return script == Script::kLatin ? Script::kCyrillic : Script::kLatin;
}

}  // namespace

ScriptRecheck::ScriptRecheck(Languages cyrillic, Languages latin) {
  cyrillic_.languages = std::move(cyrillic);
  latin_.languages = std::move(latin);
  // Now, while no other thread reads: some of Tesseract's settings belong to the process.
  for (Reader* reader : {&cyrillic_, &latin_}) {
    reader->api.SetVariable("debug_file", "/dev/null");
    reader->api.Init(nullptr, reader->languages.data.c_str(), tesseract::OEM_LSTM_ONLY);
    reader->api.SetPageSegMode(tesseract::PSM_SINGLE_WORD);
  }
}

ScriptRecheck::Reader& ScriptRecheck::reader_of(Script script) {
  return script == Script::kLatin ? latin_ : cyrillic_;
}

ScriptRecheck::Reading ScriptRecheck::read(Script script, const document::Box& box) {
  const auto clip = [](float at, int size) { return std::clamp(static_cast<int>(at), 0, size); };
  const int left = clip(box.left, pixGetWidth(picture_)),
            top = clip(box.top, pixGetHeight(picture_));
  const int right = clip(box.left + box.width, pixGetWidth(picture_));
  const int bottom = clip(box.top + box.height, pixGetHeight(picture_));
  if (right <= left || bottom <= top) return {};
  // Tesseract copies its input: pass a word, not the page.
  ::Box* cut = boxCreate(left, top, right - left, bottom - top);
  const PixPointer part(pixClipRectangle(picture_, cut, nullptr));
  boxDestroy(&cut);
  tesseract::TessBaseAPI& api = reader_of(script).api;
  api.SetImage(part.get());
  api.SetSourceResolution(kPreparedResolution);
  if (api.Recognize(nullptr) != 0) return {};
  const std::unique_ptr<char[]> text(api.GetUTF8Text());
  Reading reading{text ? text.get() : "", static_cast<float>(api.MeanTextConf()) / 100};
  while (!reading.text.empty() && (reading.text.back() == '\n' || reading.text.back() == ' ')) {
    reading.text.pop_back();
  }
  if (reading.text.find_first_of(" \n") != std::string::npos) return {};
  return reading;
}

void ScriptRecheck::check_word(WordCandidate& word, const Context& context) {
  const Letters first = letters_of(word.word.text);
  if (first.count() == 0) return;
  const Script own = first.script(), opposite = other(own);
  if (is_known(word, own, context)) return;
  if (may_be_known(word, own, context) && becomes_known(word, opposite)) return;
  const bool is_beside =
      context.before == opposite || context.after == opposite || context.is_alone();
  if (is_beside && !is_settled(word, context)) {
    const bool is_contradicted = context.before == own || context.after == own;
    const float margin = is_contradicted || first.digits > 0 ? kMuchBetter : kBetter;
    if (becomes(word, opposite, margin)) return;
  }
  if (word.word.confidence >= kDoubtful || first.characters == 1) return;
  const Reading again = read(own, with_margin(word.box, kWordMargin, kWordMargin));
  const Letters letters = letters_of(again.text);
  if (letters.only(own) && letters.may_be(first) &&
      again.confidence >= std::max(kSure, word.word.confidence + kBetter)) {
    word.word.text = again.text;
    word.word.confidence = again.confidence;
  }
}

bool ScriptRecheck::is_known(const WordCandidate& word, Script own, const Context& context) {
  const std::string& text = word.word.text;
  if (!is_known_word(text, own)) return false;
  // English has short words that look alike: "no", "on".
  const bool is_between_latin = context.before == Script::kLatin && context.after == Script::kLatin;
  return letters_of(text).count() == 1 || !(is_between_latin && is_function_word(text));
}

bool ScriptRecheck::is_settled(const WordCandidate& word, const Context& context) {
  const std::string& text = word.word.text;
  const Letters first = letters_of(text);
  if (first.digits > 0 && word.word.confidence >= kConfident) return true;
  // Long words are seldom read in the wrong script.
  if (!context.is_alone() && first.count() >= kLongWord && word.word.confidence >= kConfident) {
    return true;
  }
  if (first.script() == Script::kLatin) return false;
  // Print with «» is Russian in any context; one letter is hard to tell from others.
  return has_guillemet(text) || first.count() == 1;
}

bool ScriptRecheck::may_be_known(const WordCandidate& word, Script own, const Context& context) {
  const Letters first = letters_of(word.word.text);
  // "USB" is read as "ОЗВ" among Russian words, too.
  if (own == Script::kCyrillic) return first.all_capitals();
  return context.has_cyrillic && first.count() <= kLongestKnown;
}

bool ScriptRecheck::becomes_known(WordCandidate& word, Script opposite) {
  const Letters first = letters_of(word.word.text);
  const document::Box box = with_margin(word.box, kWordMargin, kWordMargin);
  const Reading reading = read(opposite, box);
  const Letters letters = letters_of(reading.text);
  if (!letters.only(opposite) || letters.characters != first.characters) return false;
  if (reading.confidence < (letters.count() > 2 ? kLongKnownIsSure : kKnownIsSure)) return false;
  if (!is_known_word(reading.text, opposite)) return false;
  if (letters.count() == 1 || is_function_word(reading.text)) {
    // "no" is an English word, "Ha" is none.
    const bool is_capital_lost = letters.count() > 1 && first.capitals > letters.capitals;
    if (reading.confidence < kSureLetter ||
        (!is_capital_lost && reading.confidence < read(other(opposite), box).confidence)) {
      return false;
    }
    if (letters.count() == 1 && look_alike(word.word.text, reading.text)) return false;
  }
  take(reading, opposite, word);
  return true;
}

bool ScriptRecheck::is_valid(const std::string& text, Script script) {
  return reader_of(script).api.IsValidWord(text.c_str()) != 0;
}

Familiarity ScriptRecheck::familiarity_of(std::string_view word) {
  Familiarity least = Familiarity::kListed;
  for (std::size_t from = 0; from < word.size();) {
    const std::size_t to = std::min(word.find_first_of("-./_", from), word.size());
    least = std::min(least, familiarity_of_part(std::string(word.substr(from, to - from))));
    from = to + 1;
  }
  return least;
}

Familiarity ScriptRecheck::familiarity_of_part(const std::string& part) {
  const Letters letters = letters_of(part);
  if (letters.count() == 0) {
    return letters.digits > 0 ? Familiarity::kNone : Familiarity::kListed;
  }
  const Script script = letters.script();
  if (!letters.only(script)) return Familiarity::kNone;
  if (is_known_word(part, script)) {
    // Some look like English words.
    return is_function_word(part) ? Familiarity::kDictionary : Familiarity::kListed;
  }
  if (letters.count() == 1 || letters.digits > 0) return Familiarity::kNone;
  // Dictionaries have capitalized names of all languages.
  return is_valid(uncapitalized(part), script) ? Familiarity::kDictionary : Familiarity::kNone;
}

void ScriptRecheck::take(const Reading& reading, Script script, WordCandidate& word) {
  word.word.text = reading.text;
  word.word.confidence = reading.confidence;
  word.word.language = reader_of(script).languages.tag;
}

bool ScriptRecheck::becomes(WordCandidate& word, Script opposite, float margin) {
  const document::Box box = with_margin(word.box, kWordMargin, kWordMargin);
  const Reading reading = read(opposite, box);
  const Letters first = letters_of(word.word.text), letters = letters_of(reading.text);
  const bool is_possible = letters.only(opposite) && letters.may_be(first);
  if (!is_possible || reading.confidence < kSure) return false;
  const float own_confidence = read(other(opposite), box).confidence;
  if (reading.confidence < own_confidence + margin) return false;
  // Look-alikes are told apart by the line (homoglyphs.h), not by their print.
  const bool is_code = first.digits > 0 || first.all_capitals() || first.count() == 1;
  if (is_code && look_alike(word.word.text, reading.text)) return false;
  // Capitals prove nothing: any of them may be a name.
  const bool is_of_dictionary = opposite == Script::kLatin && !first.all_capitals() &&
                                word.word.confidence >= kValidIsSure &&
                                is_valid(word.word.text, Script::kCyrillic);
  const bool is_better_word = letters.capitals == 0 && reading.confidence >= kOtherWord &&
                              reading.confidence >= own_confidence + kBetterWord &&
                              is_valid(reading.text, opposite);
  if (is_of_dictionary && !is_better_word) return false;
  take(reading, opposite, word);
  return true;
}

void ScriptRecheck::check_compound(WordCandidate& word) {
  std::string text;
  std::size_t from = 0;
  float left = word.box.left;
  for (std::size_t i = 0; i <= word.separators.size(); ++i) {
    const bool is_last = i == word.separators.size();
    const std::size_t to =
        is_last ? word.word.text.size() : word.word.text.find(word.separators[i].text, from);
    const float right = is_last ? word.box.left + word.box.width : word.separators[i].box.left;
    const document::Box box =
        with_margin({left, word.box.top, right - left, word.box.height}, 0, kWordMargin);
    if (to == std::string::npos) return;  // symbols and words were read differently
    text += check_part(word.word.text.substr(from, to - from), box);
    if (is_last) break;
    text += word.separators[i].text;
    from = to + word.separators[i].text.size();
    left = word.separators[i].box.left + word.separators[i].box.width;
  }
  word.word.text = text;
}

std::string ScriptRecheck::check_part(const std::string& part, const document::Box& box) {
  const Letters first = letters_of(part);
  if (first.count() == 0 || first.count() + first.digits < 2) return part;
  const Script script = first.script();
  if (is_known_word(part, script)) return part;
  Reading reading = read(other(script), box);
  if (!is_separator(part.front())) trim_separators(reading.text);
  const Letters letters = letters_of(reading.text);
  const bool is_possible = letters.only(other(script)) && letters.digits == 0;
  if (is_possible && letters.characters == first.characters &&
      reading.confidence >= kLongKnownIsSure && is_known_word(reading.text, other(script))) {
    return reading.text;
  }
  if (!is_possible || !letters.may_be(first) || reading.confidence < kPartIsSure) return part;
  if (first.all_capitals() && look_alike(part, reading.text)) return part;
  const float margin =
      first.all_capitals() || first.count() < kShortPart ? kMuchBetter : kPartIsBetter;
  const Reading as_own = read(script, box);
  return reading.confidence > as_own.confidence + margin ? reading.text : part;
}

void ScriptRecheck::check(std::vector<WordCandidate>& line, const PreparedPicture& picture) {
  picture_ = picture.pix.get();
  std::vector<std::optional<Script>> scripts, after(line.size());
  for (const WordCandidate& word : line) scripts.push_back(deciding_script(word.word.text));
  for (std::size_t i = line.size() - 1; i-- > 0;) {
    after[i] = scripts[i + 1] ? scripts[i + 1] : after[i + 1];
  }
  const bool has_cyrillic =
      std::find(scripts.begin(), scripts.end(), Script::kCyrillic) != scripts.end();
  std::optional<Script> before;  // as corrected
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i].separators.empty()) {
      check_word(line[i], {before, after[i], has_cyrillic});
    } else {
      check_compound(line[i]);
    }
    if (const auto script = deciding_script(line[i].word.text)) before = script;
  }
}

}  // namespace oko::ocr
