#include "ocr/second_reading.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <utility>

#include "ocr/look_alikes.h"
#include "text/utf8.h"

namespace oko::ocr {
namespace {

// Found on pages of tools/ocr/make_pages.py with seed 2.
constexpr float kSure = 0.88f;
constexpr float kBetter = 0.01f;     // where no neighbour speaks against it
constexpr float kMuchBetter = 0.2f;  // where one does
constexpr float kDoubtful = 0.75f;   // of the first reading
constexpr int kLongWord = 5;         // letters
constexpr float kConfident = 0.9f;   // of a long word's first reading
constexpr float kPartIsSure = 0.8f;
constexpr float kPartIsBetter = 0.05f;
constexpr float kMargin = 4;  // pixels around a word

/// Letters of a word by script, and what they look like.
struct Letters {
  int characters = 0, cyrillic = 0, latin = 0, capitals = 0, digits = 0;

  int count() const { return cyrillic + latin; }
  Script script() const { return latin >= cyrillic ? Script::kLatin : Script::kCyrillic; }
  bool only(Script script) const {
    return count() > 0 && (script == Script::kLatin ? cyrillic : latin) == 0;
  }
  bool all_capitals() const { return count() > 1 && capitals == count(); }

  /// Whether these may be another reading of the same print: as many characters, but for one, and
  /// not all capitals where the others had small letters.
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

Box with_margin(const Box& box, float across, float down) {
  return {box.left - across, box.top - down, box.width + 2 * across, box.height + 2 * down};
}

Script other(Script script) {
  return script == Script::kLatin ? Script::kCyrillic : Script::kLatin;
}

}  // namespace

SecondReading::SecondReading(Languages cyrillic, Languages latin) {
  cyrillic_.languages = std::move(cyrillic);
  latin_.languages = std::move(latin);
  // At once: Tesseract's settings are in part the process's, and no other thread reads yet.
  for (Reader* reader : {&cyrillic_, &latin_}) {
    reader->api.SetVariable("debug_file", "/dev/null");
    reader->api.Init(nullptr, reader->languages.data.c_str(), tesseract::OEM_LSTM_ONLY);
    reader->api.SetPageSegMode(tesseract::PSM_SINGLE_WORD);
  }
}

SecondReading::Reader& SecondReading::reader_of(Script script) {
  return script == Script::kLatin ? latin_ : cyrillic_;
}

SecondReading::Reading SecondReading::read(Script script, const Box& box) {
  const auto clip = [](float at, int size) { return std::clamp(static_cast<int>(at), 0, size); };
  const int left = clip(box.left, pixGetWidth(picture_)),
            top = clip(box.top, pixGetHeight(picture_));
  const int right = clip(box.left + box.width, pixGetWidth(picture_));
  const int bottom = clip(box.top + box.height, pixGetHeight(picture_));
  if (right <= left || bottom <= top) return {};
  // Tesseract copies what it is given: a word, not the page.
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

void SecondReading::check_word(FirstReading& word, std::optional<Script> before,
                               std::optional<Script> after) {
  const Letters first = letters_of(word.word.text);
  if (first.count() == 0) return;
  const Script own = first.script(), opposite = other(own);
  const bool is_alone = !before && !after;
  const bool is_contradicted = before == own || after == own;
  // Print with «» is Russian, whatever stands around it, and long words are seldom taken wrongly.
  const bool is_settled =
      (own == Script::kCyrillic && has_guillemet(word.word.text)) ||
      (!is_alone && first.count() >= kLongWord && word.word.confidence >= kConfident);
  const bool is_beside = before == opposite || after == opposite || is_alone;
  const float margin = is_contradicted || first.digits > 0 ? kMuchBetter : kBetter;
  if (is_beside && !is_settled && becomes(word, opposite, margin)) return;
  if (word.word.confidence >= kDoubtful) return;
  const Reading again = read(own, with_margin(word.box, kMargin, kMargin));
  const Letters letters = letters_of(again.text);
  if (letters.only(own) && letters.may_be(first) &&
      again.confidence >= std::max(kSure, word.word.confidence + kBetter)) {
    word.word.text = again.text;
    word.word.confidence = again.confidence;
  }
}

bool SecondReading::becomes(FirstReading& word, Script opposite, float margin) {
  const Box box = with_margin(word.box, kMargin, kMargin);
  const Reading reading = read(opposite, box);
  const Letters letters = letters_of(reading.text);
  const bool is_possible = letters.only(opposite) && letters.may_be(letters_of(word.word.text));
  if (!is_possible || reading.confidence < kSure) return false;
  if (reading.confidence < read(other(opposite), box).confidence + margin) return false;
  word.word.text = reading.text;
  word.word.confidence = reading.confidence;
  word.word.language = reader_of(opposite).languages.tag;
  return true;
}

void SecondReading::check_compound(FirstReading& word) {
  const Script own = letters_of(word.word.text).script();
  std::string text;
  std::size_t from = 0;
  float left = word.box.left;
  for (std::size_t i = 0; i <= word.separators.size(); ++i) {
    const bool is_last = i == word.separators.size();
    const std::size_t to =
        is_last ? word.word.text.size() : word.word.text.find(word.separators[i].text, from);
    const float right = is_last ? word.box.left + word.box.width : word.separators[i].box.left;
    const Box box = with_margin({left, word.box.top, right - left, word.box.height}, 0, kMargin);
    if (to == std::string::npos) return;  // symbols and words were read differently
    text += check_part(word.word.text.substr(from, to - from), own, box);
    if (is_last) break;
    text += word.separators[i].text;
    from = to + word.separators[i].text.size();
    left = word.separators[i].box.left + word.separators[i].box.width;
  }
  word.word.text = text;
}

std::string SecondReading::check_part(const std::string& part, Script own, const Box& box) {
  const Letters first = letters_of(part);
  if (first.characters < 2 || first.digits == first.characters) return part;
  const Script opposite = first.count() > 0 ? other(first.script()) : other(own);
  const Reading reading = read(opposite, box);
  const Letters letters = letters_of(reading.text);
  const bool is_possible = letters.only(opposite) && letters.digits == 0 && letters.may_be(first);
  if (!is_possible || reading.confidence < kPartIsSure) return part;
  const Reading as_own = read(other(opposite), box);
  return reading.confidence > as_own.confidence + kPartIsBetter ? reading.text : part;
}

void SecondReading::check(std::vector<FirstReading>& line, const PreparedPicture& picture) {
  picture_ = picture.pix.get();
  std::vector<std::optional<Script>> scripts, before(line.size()), after(line.size());
  for (const FirstReading& word : line) scripts.push_back(deciding_script(word.word.text));
  for (std::size_t i = 1; i < line.size(); ++i) {
    before[i] = scripts[i - 1] ? scripts[i - 1] : before[i - 1];
  }
  for (std::size_t i = line.size() - 1; i-- > 0;) {
    after[i] = scripts[i + 1] ? scripts[i + 1] : after[i + 1];
  }
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i].separators.empty()) {
      check_word(line[i], before[i], after[i]);
    } else {
      check_compound(line[i]);
    }
  }
}

}  // namespace oko::ocr
