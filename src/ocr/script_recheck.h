#pragma once

#include <tesseract/baseapi.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "document/page.h"
#include "ocr/preparation.h"
#include "ocr/script.h"

namespace oko::ocr {

/// A hyphen, dot, slash or underscore between the letters of a word.
struct Separator {
  std::string text;
  document::Box box;  ///< in pixels of the prepared picture
};

/// A word as Tesseract read it in all languages at once.
struct WordCandidate {
  document::Word word;
  document::Box box;  ///< in pixels of the prepared picture
  std::vector<Separator> separators;
};

/// The familiarity of a word, apart from its picture.
enum class Familiarity {
  kNone,
  kDictionary,  ///< a word of a dictionary or a Russian function word
  kListed,      ///< of known_words.h, or without letters and digits
};

/// Reads doubtful words again, in the languages of one script at a time. With all languages at once
/// Tesseract mistakes whole words for the other script, and is sure of it ("in" for т, "off" for
/// ой); one script alone shows which of two readings fits the picture:
///
/// - abbreviations, units and names that are known (known_words.h) stay, and a word becomes one of
///   them if the other script reads it so ("HDMI" for "НОМ!", "кВт" for "KBT");
/// - a word next to one of the other script switches if that reading scores higher, by a larger
///   margin if the neighbour on its other side disagrees. A word of the Russian dictionary only
///   becomes a word of the English one;
/// - parts of compounds are read on their own ("USB-кабель", "отчёт.docx");
/// - a word of little confidence is read again in its own script.
class ScriptRecheck {
 public:
  /// The languages of one script.
  struct Languages {
    std::string data;  ///< names of Tesseract's files, joined by +
    std::string tag;   ///< of the first, BCP 47
  };

  /// The data of both must be there.
  ScriptRecheck(Languages cyrillic, Languages latin);

  /// The familiarity of a word's least familiar part.
  Familiarity familiarity_of(std::string_view word);

  /// Corrects the words of one line of a picture.
  void check(std::vector<WordCandidate>& line, const PreparedPicture& picture);

 private:
  struct Reading {
    std::string text;
    float confidence = 0;  ///< 0..1
  };
  struct Reader {
    Languages languages;
    tesseract::TessBaseAPI api;
  };

  Reading read(Script script, const document::Box& box);
  Reader& reader_of(Script script);
  /// The words around one in its line.
  struct Context {
    std::optional<Script> before, after;  ///< of the nearest words with deciding letters
    bool has_cyrillic = false;            ///< any word of the line

    bool is_alone() const { return !before && !after; }
  };

  void check_word(WordCandidate& word, const Context& context);
  /// True if it is a short word that the other script cannot take.
  static bool is_known(const WordCandidate& word, Script own, const Context& context);
  /// True if only the list of known words may change it.
  static bool is_settled(const WordCandidate& word, const Context& context);
  static bool may_be_known(const WordCandidate& word, Script own, const Context& context);
  /// True if the other script reads it as a known word; then it is replaced.
  bool becomes_known(WordCandidate& word, Script opposite);
  Familiarity familiarity_of_part(const std::string& part);
  /// True if the dictionary of a script has the word.
  bool is_valid(const std::string& text, Script script);
  void take(const Reading& reading, Script script, WordCandidate& word);
  /// True if the other script reads it better by this margin; then it is replaced.
  bool becomes(WordCandidate& word, Script opposite, float margin);
  void check_compound(WordCandidate& word);
  std::string check_part(const std::string& part, const document::Box& box);

  Reader cyrillic_, latin_;
  Pix* picture_ = nullptr;  // within `check`
};

}  // namespace oko::ocr
