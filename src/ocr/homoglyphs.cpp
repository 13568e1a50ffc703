#include "ocr/homoglyphs.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "ocr/known_words.h"
#include "ocr/script.h"
#include "text/utf8.h"

namespace oko::ocr {
namespace {

struct Pair {
  char32_t latin, cyrillic;
};

/// Letters that look alike in print. Without small k, m, t and h, whose Cyrillic counterparts have
/// the shape of small capitals.
constexpr std::array<Pair, 21> kPairs{{
    {'A', U'А'}, {'B', U'В'}, {'C', U'С'}, {'E', U'Е'}, {'H', U'Н'}, {'K', U'К'},  {'M', U'М'},
    {'O', U'О'}, {'P', U'Р'}, {'T', U'Т'}, {'X', U'Х'}, {'Y', U'У'}, {'a', U'а'},  {'c', U'с'},
    {'e', U'е'}, {'o', U'о'}, {'p', U'р'}, {'x', U'х'}, {'y', U'у'}, {0xCB, U'Ё'}, {0xEB, U'ё'},
}};

/// Small Latin letters that recognition mistakes for Cyrillic ones, though they do not look alike.
constexpr std::array<Pair, 3> kMistaken{{{'n', U'п'}, {'r', U'г'}, {'u', U'и'}}};

std::optional<char32_t> counterpart(std::span<const Pair> pairs, char32_t letter, Script script) {
  for (const Pair& pair : pairs) {
    if (letter == pair.latin) return script == Script::kCyrillic ? pair.cyrillic : letter;
    if (letter == pair.cyrillic) return script == Script::kLatin ? pair.latin : letter;
  }
  return std::nullopt;
}

std::optional<char32_t> twin(char32_t letter, Script script) {
  return counterpart(kPairs, letter, script);
}

/// Characters next to which a letter may be a unit, a variable or a part of an address.
constexpr std::u32string_view kSymbols = U"°№%$€@+=/\\_#&*";

/// The evidence of a word for its script.
struct Evidence {
  int latin = 0, cyrillic = 0;            // letters of each
  int only_latin = 0, only_cyrillic = 0;  // of those, without a counterpart
  int capitals = 0;
  bool is_code = false;  // has digits or symbols

  int letters() const { return latin + cyrillic; }
  bool mixed() const { return latin > 0 && cyrillic > 0; }
  bool undecided() const { return only_latin == 0 && only_cyrillic == 0; }
  /// True if it has several letters, all of them capitals.
  bool all_capitals() const { return letters() > 1 && capitals == letters(); }
  /// The script by the word's own letters.
  std::optional<Script> script() const {
    if (only_latin > 0 && only_cyrillic == 0) return Script::kLatin;
    if (only_cyrillic > 0 && only_latin == 0) return Script::kCyrillic;
    return std::nullopt;
  }
};

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    result.push_back(step.code_point);
    at += step.length;
  }
  return result;
}

Evidence evidence_of(std::string_view word) {
  Evidence evidence;
  for (const char32_t c : code_points(word)) {
    evidence.is_code |= is_digit(c) || kSymbols.find(c) != std::u32string_view::npos;
    const Script script = script_of(c);
    if (script == Script::kOther) continue;
    if (is_capital(c)) ++evidence.capitals;
    const bool alone = !twin(c, Script::kLatin);
    ++(script == Script::kLatin ? evidence.latin : evidence.cyrillic);
    if (alone) ++(script == Script::kLatin ? evidence.only_latin : evidence.only_cyrillic);
  }
  return evidence;
}

/// True if the small form of a letter looks like a small capital: recognition that mistakes it for
/// a Latin letter reads a capital.
bool is_false_capital(char32_t cyrillic) {
  constexpr std::u32string_view kFalse = U"ВКМНТ";
  return kFalse.find(cyrillic) != std::u32string_view::npos;
}

constexpr char32_t kCapitalToSmall = 0x20;  // of these letters

/// `after_small`: the first letter of the word is no capital either.
std::string written_in(std::string_view word, Script script, bool after_small) {
  std::string result;
  for (const char32_t c : code_points(word)) {
    char32_t letter = twin(c, script).value_or(c);
    if (letter != c && after_small && is_false_capital(letter)) letter += kCapitalToSmall;
    text::append_utf8(result, letter);
    after_small = script_of(letter) != Script::kOther && !is_capital(letter);
  }
  return result;
}

constexpr std::size_t kLatinLine = 3;  // words

/// The evidence of the words around one.
struct Neighbours {
  std::optional<Script> before, after;  // of the nearest words that have one
  bool next_is_latin = false;           // the word right after
  bool beside_capitals = false;         // next to a word of capitals
  bool begins_sentence = false;
  bool is_latin_line = false;  // three or more words are Latin, no other one is Cyrillic
};

bool ends_sentence(std::string_view word) {
  return word.find_first_of(".!?:") != std::string_view::npos;
}

std::vector<Neighbours> neighbours_of(const std::vector<std::string>& words,
                                      const std::vector<Evidence>& evidence) {
  std::vector<Neighbours> neighbours(evidence.size());
  std::optional<Script> nearest;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    neighbours[i].before = nearest;
    if (evidence[i].script()) nearest = evidence[i].script();
    neighbours[i].begins_sentence = i == 0 || ends_sentence(words[i - 1]);
    neighbours[i].beside_capitals = (i > 0 && evidence[i - 1].all_capitals()) ||
                                    (i + 1 < words.size() && evidence[i + 1].all_capitals());
    neighbours[i].next_is_latin =
        i + 1 < words.size() && evidence[i + 1].script() == Script::kLatin;
  }
  std::size_t latin = 0, cyrillic = 0;
  for (const Evidence& each : evidence) {
    latin += each.script() == Script::kLatin ? 1 : 0;
    cyrillic += each.script() == Script::kCyrillic ? 1 : 0;
  }
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    const std::size_t own = evidence[i].script() == Script::kCyrillic ? 1 : 0;
    neighbours[i].is_latin_line = latin >= kLatinLine && cyrillic == own;
  }
  nearest.reset();
  for (std::size_t i = evidence.size(); i-- > 0;) {
    neighbours[i].after = nearest;
    if (evidence[i].script()) nearest = evidence[i].script();
  }
  return neighbours;
}

/// The script of two thirds of the line's words that have one.
std::optional<Script> majority_of(const std::vector<Evidence>& evidence) {
  std::size_t latin = 0, cyrillic = 0;
  for (const Evidence& each : evidence) {
    if (each.script()) ++(*each.script() == Script::kLatin ? latin : cyrillic);
  }
  if (latin >= 2 * cyrillic && latin > 0) return Script::kLatin;
  if (cyrillic >= 2 * latin && cyrillic > 0) return Script::kCyrillic;
  return std::nullopt;
}

constexpr int kShortWord = 2;  // letters

std::optional<Script> script_for(const Evidence& evidence, const Neighbours& neighbours,
                                 std::optional<Script> majority) {
  if (evidence.letters() == 0) return std::nullopt;
  if (!evidence.undecided()) return evidence.mixed() ? evidence.script() : std::nullopt;
  if (evidence.is_code) return std::nullopt;
  // Abbreviations and names in lines of the other script: "PC", "Tea", "Type-C".
  const bool like_a_name = evidence.letters() > kShortWord && evidence.capitals > 0;
  if (!evidence.mixed() && !neighbours.beside_capitals &&
      (evidence.all_capitals() || like_a_name)) {
    return std::nullopt;
  }
  // A new sentence may be in another language, and "а", "с", "a" belong to the next word.
  const auto before = neighbours.begins_sentence ? std::nullopt : neighbours.before;
  const auto& after = neighbours.after;
  if (evidence.letters() == 1 && after == Script::kCyrillic) return after;
  if (before && before == after) return before;
  if (!before && !after) return std::nullopt;
  if (majority) return majority;
  if (before && after) return std::nullopt;
  return before ? before : after;
}

constexpr std::size_t kLongestMistaken = 3;  // letters

/// The Latin word that a short Cyrillic one may be, if all of its characters have a counterpart.
std::optional<std::string> as_latin(std::string_view word) {
  const std::vector<char32_t> characters = code_points(word);
  if (characters.size() < 2 || characters.size() > kLongestMistaken) return std::nullopt;
  std::string latin;
  for (const char32_t c : characters) {
    if (script_of(c) != Script::kCyrillic || is_capital(c)) return std::nullopt;
    auto letter = twin(c, Script::kLatin);
    if (!letter) letter = counterpart(kMistaken, c, Script::kLatin);
    if (!letter) return std::nullopt;
    text::append_utf8(latin, *letter);
  }
  return latin;
}

/// "°C": the letter is Latin by definition of the unit.
bool is_degree(std::string_view word) {
  constexpr std::string_view kDegree = "°";
  const std::size_t at = word.find(kDegree);
  return at != std::string_view::npos && word.substr(at).starts_with("°С");
}

/// Letters that are a Russian word and no English one.
bool is_lone_preposition(std::string_view word) {
  return word == "с" || word == "у" || word == "о";
}

std::string repaired(const std::string& word, const Evidence& evidence,
                     const Neighbours& neighbours, std::optional<Script> majority) {
  const auto nearest = neighbours.after ? neighbours.after : neighbours.before;
  if (word == "|" && nearest == Script::kLatin) return "I";
  if (is_degree(word)) return written_in(word, Script::kLatin, false);
  if (is_lone_preposition(word)) return word;
  if (neighbours.next_is_latin && (neighbours.is_latin_line || !is_function_word(word))) {
    if (const auto latin = as_latin(word)) return *latin;
  }
  const auto script = script_for(evidence, neighbours, majority);
  if (!script) return word;
  const bool was_latin = evidence.cyrillic == 0 && *script == Script::kCyrillic;
  const bool begins_small =
      was_latin && !neighbours.begins_sentence && evidence.letters() > 1 && evidence.capitals == 1;
  return written_in(word, *script, begins_small);
}

/// The only word of a page, if it is one capital that looks alike in both scripts.
document::Word* lone_capital(document::Page& page) {
  if (page.lines.size() != 1 || page.lines[0].words.size() != 1) return nullptr;
  document::Word& word = page.lines[0].words[0];
  const Evidence evidence = evidence_of(word.text);
  const bool is_lone = evidence.letters() == 1 && evidence.capitals == 1 && !evidence.is_code;
  return is_lone && evidence.undecided() ? &word : nullptr;
}

}  // namespace

std::optional<Script> deciding_script(std::string_view word) {
  return evidence_of(word).script();
}

bool look_alike(std::string_view word, std::string_view other) {
  return word != other &&
         written_in(word, Script::kLatin, false) == written_in(other, Script::kLatin, false);
}

int repair_homoglyphs(std::vector<std::string>& words) {
  std::vector<Evidence> evidence;
  evidence.reserve(words.size());
  for (const std::string& word : words) evidence.push_back(evidence_of(word));
  const std::vector<Neighbours> neighbours = neighbours_of(words, evidence);
  const std::optional<Script> majority = majority_of(evidence);
  int changed = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string word = repaired(words[i], evidence[i], neighbours[i], majority);
    if (word == words[i]) continue;
    words[i] = std::move(word);
    ++changed;
  }
  return changed;
}

int repair_homoglyphs(document::Page& page) {
  int changed = 0;
  for (document::Line& line : page.lines) {
    std::vector<std::string> words;
    words.reserve(line.words.size());
    for (const document::Word& word : line.words) words.push_back(word.text);
    changed += repair_homoglyphs(words);
    for (std::size_t i = 0; i < words.size(); ++i) line.words[i].text = std::move(words[i]);
  }
  if (document::Word* const word = lone_capital(page)) {
    std::string latin = written_in(word->text, Script::kLatin, false);
    changed += latin == word->text ? 0 : 1;
    word->text = std::move(latin);
  }
  return changed;
}

}  // namespace oko::ocr
