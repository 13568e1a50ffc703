#include "text/abbreviations.h"

#include <algorithm>
#include <array>

namespace oko::text {
namespace {

constexpr auto kGoesOnWords = std::to_array<std::string_view>({
    // Russian: addresses, references, titles, words between
    "акад",
    "англ",
    "б",
    "бул",
    "букв",
    "гл",
    "гр",
    "гр-н",
    "д",
    "дер",
    "доц",
    "евр",
    "ж",
    "зав",
    "зам",
    "илл",
    "им",
    "инж",
    "ср-в",
    "ист",
    "итал",
    "к",
    "кв",
    "кн",
    "кол",
    "комн",
    "корп",
    "лат",
    "м",
    "мин-во",
    "мл",
    "наб",
    "назв",
    "наз",
    "напр",
    "нач",
    "нем",
    "о",
    "обл",
    "оз",
    "осн",
    "оф",
    "п",
    "пер",
    "пл",
    "пом",
    "пос",
    "пп",
    "пр-т",
    "прим",
    "проф",
    "просп",
    "р-н",
    "разд",
    "ред",
    "рис",
    "рус",
    "с",
    "св",
    "см",
    "соч",
    "спец",
    "ср",
    "ст",
    "стр",
    "т",
    "т.е",
    "т.к",
    "т.н",
    "т.о",
    "т.ч",
    "табл",
    "тел",
    "тов",
    "ул",
    "факс",
    "франц",
    "чл",
    "ш",
    "экз",
    // English
    "adm",
    "approx",
    "brig",
    "capt",
    "cf",
    "cmdr",
    "col",
    "dr",
    "e.g",
    "gen",
    "gov",
    "hon",
    "i.e",
    "lt",
    "maj",
    "messrs",
    "mme",
    "mr",
    "mrs",
    "ms",
    "mt",
    "prof",
    "rep",
    "rev",
    "sen",
    "sgt",
    "st",
    "supt",
    "viz",
    "vs",
});

constexpr auto kBeforeDigitWords = std::to_array<std::string_view>({
    "apr", "art",  "aug", "ch",  "dec", "eq",   "eqs", "ext", "feb",  "fig", "figs", "jan",  "jul",
    "jun", "mar",  "no",  "nos", "nov", "oct",  "p",   "par", "pp",   "sec", "sep",  "sept", "tel",
    "vol", "vols", "л",   "ч",   "янв", "февр", "апр", "авг", "сент", "окт", "нояб", "дек",
});

constexpr auto kAfterDigitWords = std::to_array<std::string_view>({"в", "вв", "г", "гг"});

template <std::size_t n>
bool is_in(std::string_view word, const std::array<std::string_view, n>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Abbreviation abbreviation_of(std::string_view word) {
  constexpr std::size_t kLongest = 16;  // bytes
  if (word.size() > kLongest) return Abbreviation::kNone;
  if (is_in(word, kGoesOnWords)) return Abbreviation::kGoesOn;
  if (is_in(word, kBeforeDigitWords)) return Abbreviation::kBeforeDigit;
  if (is_in(word, kAfterDigitWords)) return Abbreviation::kAfterDigit;
  return Abbreviation::kNone;
}

}  // namespace oko::text
