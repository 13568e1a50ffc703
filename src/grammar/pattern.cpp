#include "grammar/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/localized_text.h"
#include "grammar/letter_set.h"
#include "grammar/pattern_automaton.h"
#include "text/utf8.h"

namespace oko::grammar {
namespace {

constexpr int kMostGroups = 20;  // inside of each other
constexpr std::uint64_t kMostRepeats = kMostPatternSteps;
constexpr double kMostToldSeconds = 10;  // of a prediction: more takes time itself

bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}

bool is_alphanumeric(char32_t c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Adds those of `pattern`, or less if it was there before.
void add_seconds(const std::string& pattern, double seconds, const std::string& place,
                 PatternCost& cost) {
  constexpr double kAgain = 0.05;
  cost.seconds += cost.compiled.insert(pattern).second ? seconds : kAgain * seconds;
  if (cost.seconds <= kMostPatternSeconds) return;
  throw Error(ErrorCode::kUsage,
              tr("{}: the patterns would take {} s to compile, the limit is {} s; use fewer or "
                 "shorter repetitions, above all inside of others",
                 "{}: подготовка шаблонов заняла бы {} с, предел — {} с; нужно меньше повторений "
                 "или короче, прежде всего внутри других",
                 place,
                 cost.seconds > kMostToldSeconds ? fmt::format("> {:.0f}", kMostToldSeconds)
                                                 : fmt::format("{:.1f}", cost.seconds),
                 kMostPatternSeconds));
}

/// A part of a pattern with the steps of its letters.
struct Piece {
  PatternAutomaton::Part part;
  std::uint64_t steps = 0;
  LetterRanges letter = {};  ///< those that it may be, if it is one letter and nothing else
};

/// Reads a pattern once, from left to right, and makes its automaton.
class PatternReader {
 public:
  PatternReader(std::u32string pattern, const std::string& place)
      : pattern_(std::move(pattern)), place_(place) {}

  void read() {
    if (peek() == '^') take();
    whole_ = alternatives(0).part;
    if (at_ < pattern_.size()) refuse(tr("a ) without (", "есть ) без ("));
  }
  double seconds() const { return automaton_.compile_seconds(whole_, kMostToldSeconds); }
  std::string& ascii() { return ascii_; }

 private:
  [[noreturn]] void refuse(const LocalizedText& reason) const {
    throw Error(ErrorCode::kUsage, tr("{}: {} (letter {})", "{}: {} (буква {})", place_, reason,
                                      std::min(at_, pattern_.size()) + 1));
  }
  [[noreturn]] void refuse_unsupported(char32_t c) const {
    std::string letter = "\\";
    text::append_utf8(letter, c);
    refuse(tr("{} is not supported in a pattern", "{} в шаблоне не поддерживается", letter));
  }
  void check_steps(std::uint64_t steps) const {
    if (steps <= kMostPatternSteps) return;
    throw Error(ErrorCode::kUsage,
                tr("{}: with its repetitions the pattern has more than {} steps",
                   "{}: в шаблоне с повторениями больше {} шагов", place_, kMostPatternSteps));
  }

  char32_t peek() const { return at_ < pattern_.size() ? pattern_[at_] : U'\0'; }
  bool is_at_end() const { return at_ == pattern_.size(); }
  char32_t skip() {
    if (is_at_end()) refuse(tr("the pattern is not finished", "шаблон не закончен"));
    return pattern_[at_++];
  }
  void take() { ascii_ += static_cast<char>(skip()); }

  /// Those of one letter are written as one class, behind the others: xgrammar makes one state of
  /// them, but not everywhere.
  Piece alternatives(int depth) {
    std::optional<Piece> all;
    const auto add = [&](Piece other) {
      if (!all) {
        all = std::move(other);
        return;
      }
      all->part = PatternAutomaton::either(std::move(all->part), std::move(other.part));
      all->steps += 1 + other.steps;
      all->letter.clear();
      check_steps(all->steps);
    };
    LetterRanges letters;
    for (bool is_first = true;; is_first = false) {
      const std::size_t begin = ascii_.size();
      if (all) ascii_ += '|';
      Piece next = sequence(depth);
      const bool has_others = !is_first || peek() == '|';
      if (has_others && !next.letter.empty()) {
        letters.insert(letters.end(), next.letter.begin(), next.letter.end());
        automaton_.remove(next.part);
        ascii_.resize(begin);
      } else {
        add(std::move(next));
      }
      if (peek() != '|') break;
      skip();
    }
    if (letters.empty()) return std::move(*all);
    if (all) ascii_ += '|';
    add(append_class(plain_letters(std::move(letters), false)));
    return std::move(*all);
  }

  Piece sequence(int depth) {
    Piece all{automaton_.empty()};
    bool is_empty = true;
    while (!is_at_end() && peek() != '|' && peek() != ')') {
      if (peek() == '$' && at_ + 1 == pattern_.size()) {
        take();
        break;
      }
      const std::size_t begin = ascii_.size();
      Piece next = repeated(atom(depth), begin);
      all.part = automaton_.sequence(std::move(all.part), std::move(next.part));
      all.steps += next.steps;
      all.letter = is_empty ? std::move(next.letter) : LetterRanges{};
      is_empty = false;
      check_steps(all.steps);
    }
    return all;
  }

  Piece atom(int depth) {
    const char32_t c = peek();
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return letter_class();
      case '.':
        ++at_;
        return append_class(plain_letters({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}, true));
      case '\\':
        ++at_;
        return escaped_atom();
      default:
        break;
    }
    if (std::u32string_view(U"^$*+?{}]").find(c) != std::u32string_view::npos) {
      std::string letter;
      text::append_utf8(letter, c);
      refuse(tr("{} is not allowed here", "{} здесь нельзя", letter));
    }
    if (needs_escape(c)) refuse_quote();
    return append(skip(), false);
  }

  [[noreturn]] void refuse_quote() const {
    refuse(tr("a pattern cannot ask for quotes, backslashes or control characters",
              "шаблон не может требовать кавычек, обратной черты или управляющих символов"));
  }

  Piece group(int depth) {
    if (depth == kMostGroups) {
      refuse(tr("more than {} groups in each other", "больше {} групп друг в друге", kMostGroups));
    }
    take();
    if (peek() == '?') {
      take();
      if (peek() != ':') {
        refuse(tr("only groups ( and (?: are supported", "есть только группы ( и (?:"));
      }
      take();
    }
    Piece inner = alternatives(depth + 1);
    if (peek() != ')') refuse(tr("a ( without )", "есть ( без )"));
    take();
    return inner;
  }

  Piece letter_class() {
    skip();
    const bool is_negated = peek() == '^';
    if (is_negated) ++at_;
    if (peek() == ']') refuse(tr("an empty class", "пустой класс"));
    LetterRanges letters;
    while (peek() != ']') {
      const LetterRanges member = class_member(is_negated);
      const bool is_range = is_one_letter(member) && peek() == '-' && at_ + 1 < pattern_.size() &&
                            pattern_[at_ + 1] != ']';
      if (is_range) {
        ++at_;
        const LetterRanges last = class_member(is_negated);
        if (!is_one_letter(last) || last[0] < member[0]) {
          refuse(tr("a wrong range of letters", "неверный диапазон букв"));
        }
        letters.emplace_back(member[0].first, last[0].first);
      } else {
        letters.insert(letters.end(), member.begin(), member.end());
      }
    }
    ++at_;
    return append_class(plain_letters(std::move(letters), is_negated));
  }

  static bool is_one_letter(const LetterRanges& letters) {
    return letters.size() == 1 && letters[0].first == letters[0].second;
  }

  LetterRanges class_member(bool may_need_escape) {
    if (is_at_end()) refuse(tr("a [ without ]", "есть [ без ]"));
    char32_t c = skip();
    LetterRanges letters = c == '\\' ? escape() : LetterRanges{{c, c}};
    if (is_one_letter(letters) && needs_escape(letters[0].first) && !may_need_escape) {
      refuse_quote();
    }
    return letters;
  }

  Piece escaped_atom() {
    LetterRanges letters = escape();
    if (!is_one_letter(letters)) return append_class(plain_letters(std::move(letters), false));
    const char32_t c = letters[0].first;
    if (needs_escape(c)) refuse_quote();
    return append(c, !is_alphanumeric(c));
  }

  /// What follows a backslash.
  LetterRanges escape() {
    const char32_t c = skip();
    if (std::u32string_view(U"dDwWsS").find(c) != std::u32string_view::npos) {
      return class_escape(c);
    }
    char32_t meant = c;
    constexpr std::u32string_view kControls = U"tnvfr";  // U+0009 and those that follow
    if (c == 'x') {
      meant = hexadecimal(2);
    } else if (c == 'u') {
      meant = peek() == '{' ? braced() : utf16();
    } else if (const std::size_t at = kControls.find(c); at != std::u32string_view::npos) {
      meant = U'\t' + static_cast<char32_t>(at);
    } else if (is_alphanumeric(c) || c >= 0x80) {
      refuse_unsupported(c);
    }
    if (meant >= 0xD800 && meant <= 0xDFFF) refuse_character();
    return {{meant, meant}};
  }

  [[noreturn]] void refuse_character() const {
    refuse(tr("no such character", "такого символа нет"));
  }

  /// One unit of UTF-16 or two.
  char32_t utf16() {
    const char32_t first = hexadecimal(4);
    const bool is_high = first >= 0xD800 && first <= 0xDBFF;
    if (!is_high || pattern_.compare(at_, 2, U"\\u") != 0) return first;
    at_ += 2;
    const char32_t second = hexadecimal(4);
    if (second < 0xDC00 || second > 0xDFFF) refuse_character();
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  char32_t hexadecimal(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) value = value * 16 + digit_of(skip());
    return value;
  }
  char32_t braced() {
    skip();
    char32_t value = 0;
    while (peek() != '}') {
      value = value * 16 + digit_of(skip());
      if (value > 0x10FFFF) refuse_character();
    }
    skip();
    return value;
  }
  char32_t digit_of(char32_t c) const {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    refuse(tr("a hexadecimal digit is missing", "нет шестнадцатеричной цифры"));
  }

  Piece append(char32_t c, bool is_escaped) {
    if (c >= 0x7F) {
      ascii_ += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
    } else {
      if (is_escaped) ascii_ += '\\';
      ascii_ += static_cast<char>(c);
    }
    return {automaton_.letter({{c, c}}), 1, {{c, c}}};
  }

  Piece append_class(const LetterRanges& letters) {
    if (letters.empty()) refuse_quote();
    ascii_ += '[';
    for (const auto& [first, last] : letters) {
      append_in_class(first);
      if (last == first) continue;
      ascii_ += '-';
      append_in_class(last);
    }
    ascii_ += ']';
    return {automaton_.letter(letters), 1, letters};
  }

  void append_in_class(char32_t c) {
    if (is_alphanumeric(c)) {
      ascii_ += static_cast<char>(c);
    } else {
      ascii_ += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c));
    }
  }

  /// `atom`, written from `begin` on, with the quantifier that follows.
  ///
  /// xgrammar 0.2.9 joins the beginning of x to its end for "x?", and so its loops, too: "(ab*)?"
  /// takes "b". And in "x{2,}" it repeats the end of the first alternative for that of all. "x*",
  /// "x+" and "x{n,m}" are right.
  Piece repeated(Piece atom, std::size_t begin) {
    const char32_t c = peek();
    Times times;
    if (c == '*' || c == '+') {
      take();
      times = {c == '+' ? 1u : 0u, std::nullopt};
    } else if (c == '?') {
      ++at_;
      ascii_ += "{0,1}";
      times = {0, 1};
    } else if (c == '{') {
      times = counted(begin);
      atom.steps *= std::max<std::uint64_t>(times.most.value_or(times.least), 1);
      check_steps(atom.steps);
    } else {
      return atom;
    }
    if (peek() == '?') ++at_;  // whether it prefers more or less does not matter
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
      refuse(tr("two repetitions in a row", "два повторения подряд"));
    }
    return {automaton_.repeated(std::move(atom.part), times.least, times.most), atom.steps + 1};
  }

  struct Times {
    std::uint64_t least = 1;
    std::optional<std::uint64_t> most = 1;  ///< none: any number
  };

  /// A repetition in braces.
  Times counted(std::size_t begin) {
    ++at_;
    const std::uint64_t least = count();
    std::optional<std::uint64_t> most = least;
    if (peek() == ',') {
      ++at_;
      most = peek() == '}' ? std::nullopt : std::optional(count());
    }
    if (peek() != '}' || most.value_or(least) < least)
      refuse(tr("wrong repetition", "неверное повторение"));
    ++at_;
    if (most) {
      ascii_ +=
          *most == least ? fmt::format("{{{}}}", least) : fmt::format("{{{},{}}}", least, *most);
      return {least, most};
    }
    if (least > 1) {
      const std::string atom = ascii_.substr(begin);
      ascii_ += fmt::format("{{{}}}{}", least - 1, atom);
    }
    ascii_ += least == 0 ? '*' : '+';
    return {least, most};
  }

  std::uint64_t count() {
    if (!is_digit(peek())) refuse(tr("wrong repetition", "неверное повторение"));
    std::uint64_t value = 0;
    while (is_digit(peek())) {
      value = value * 10 + (skip() - '0');
      if (value > kMostRepeats) {
        refuse(tr("more than {} repetitions", "больше {} повторений", kMostRepeats));
      }
    }
    return value;
  }

  std::u32string pattern_;
  const std::string& place_;
  std::size_t at_ = 0;
  std::string ascii_;
  PatternAutomaton automaton_;
  PatternAutomaton::Part whole_;
};

}  // namespace

std::string checked_pattern(std::string_view pattern, const std::string& place, PatternCost& cost) {
  std::u32string letters;
  for (std::size_t at = 0; at < pattern.size();) {
    const text::Utf8Step step = text::next_utf8(pattern, at);
    letters += step.code_point;
    at += step.length;
  }
  if (letters.size() > kMostPatternLetters) {
    throw Error(ErrorCode::kUsage, tr("{}: the pattern has {} letters, the limit is {}",
                                      "{}: в шаблоне букв {}, предел — {}", place, letters.size(),
                                      kMostPatternLetters));
  }
  PatternReader reader(std::move(letters), place);
  reader.read();
  add_seconds(reader.ascii(), reader.seconds(), place, cost);
  return std::move(reader.ascii());
}

void add_format(const std::string& format, const std::string& place, PatternCost& cost) {
  constexpr double kSeconds = 0.06;  // "uri-template" takes more, 0.15 s, and nobody asks for it
  add_seconds("format " + format, kSeconds, place, cost);
}

void add_other_names(const std::string& pattern, std::size_t states, const std::string& place,
                     PatternCost& cost) {
  constexpr double kSecondsPerState = 0.03;
  cost.other_states -= std::min(cost.other_states, states);
  add_seconds(pattern, kSecondsPerState * static_cast<double>(states), place, cost);
}

}  // namespace oko::grammar
