#include "grammar/pattern_automaton.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oko::grammar {
namespace {

constexpr double kSecondsPerState = 0.2e-3;
constexpr double kSecondsPerVisit = 70e-9;  // of a state, for a letter of the vocabulary
/// xgrammar 0.2.9 counts more repetitions of an atom as it reads, instead of copying the atom.
constexpr std::uint64_t kMostCopies = 128;
constexpr std::size_t kDepth = 12;  // letters of a token that count
constexpr float kLeastShare = 0.01f;

/// Letters that a kind has, and how many of them have half of its tokens or more.
struct Letters {
  char32_t first, last;
  float common;
};
constexpr Letters kLowerLetters = {'a', 'z', 13}, kUpperLetters = {'A', 'Z', 13},
                  kSpaces = {' ', ' ', 1}, kDigits = {'0', '9', 10}, kSigns = {'!', '~', 4},
                  kCyrillicLetters = {0x400, 0x4FF, 16}, kOtherLetters = {0x80, 0x10FFFF, 64};

void add_all(std::vector<std::size_t>& to, const std::vector<std::size_t>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void sort_unique(std::vector<std::size_t>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// The letters of `kind` among `letters`.
float letters_in(const LetterRanges& letters, const Letters& kind) {
  float all = 0;
  for (const auto& [first, last] : letters) {
    const char32_t from = std::max(first, kind.first), to = std::min(last, kind.last);
    if (from <= to) all += static_cast<float>(to - from) + 1;
  }
  return all;
}

float share(float letters, const Letters& kind) {
  return std::clamp(letters / kind.common, 0.0f, 1.0f);
}

}  // namespace

/// The prefixes of Qwen3's tokens that have these kinds of letters, the last one to the end:
/// how many there are of each length, in bytes of UTF-8.
struct PatternAutomaton::Shape {
  std::vector<Kind> kinds;
  std::array<double, kDepth> prefixes;
};

const PatternAutomaton::Shape PatternAutomaton::kShapes[] = {
    {{kLower}, {26, 628, 3401, 6696, 6756, 4971, 3129, 1820, 949, 471, 209, 97}},
    {{kSpace, kLower}, {1, 26, 616, 2880, 6357, 8315, 8478, 7490, 5981, 4239, 2697, 1562}},
    {{kUpper, kLower}, {26, 328, 1299, 2087, 2188, 1893, 1478, 1041, 648, 357, 166, 85}},
    {{kSpace, kUpper, kLower}, {0, 26, 371, 2154, 4622, 5141, 4418, 3276, 2163, 1326, 767, 375}},
    {{kSign, kLower}, {31, 873, 3664, 6934, 8086, 7437, 6150, 4542, 3144, 2030, 1359, 889}},
    {{kUpper}, {0, 563, 1408, 1286, 852, 457, 241, 99, 44, 21, 9, 5}},
    {{kSign}, {0, 540, 851, 464, 159, 67, 43, 36, 26, 26, 27, 27}},
    {{kCyrillic}, {396, 776, 1586, 1084, 634, 352, 222, 114, 48, 26, 8, 6}},
    {{kSpace, kCyrillic}, {0, 108, 582, 1358, 1626, 1524, 1154, 744, 444, 282, 172, 96}},
    {{kOther}, {49000, 45000, 25000, 12300, 4300, 2300, 1200, 600, 300, 150, 80, 30}},
    {{kSpace, kOther}, {0, 1150, 2470, 2810, 2590, 1780, 910, 420, 160, 40, 20, 0}}};

PatternAutomaton::Part PatternAutomaton::letter(const LetterRanges& letters) {
  const float lower = letters_in(letters, kLowerLetters);
  const float upper = letters_in(letters, kUpperLetters);
  const float signs = letters_in(letters, kSigns) - letters_in(letters, kDigits) - lower - upper;
  const float cyrillic = letters_in(letters, kCyrillicLetters);
  const std::size_t position = positions_.size();
  positions_.push_back({{share(lower, kLowerLetters), share(upper, kUpperLetters),
                         share(letters_in(letters, kSpaces), kSpaces), share(signs, kSigns),
                         share(cyrillic, kCyrillicLetters),
                         share(letters_in(letters, kOtherLetters) - cyrillic, kOtherLetters)}});
  return {{position}, {position}, false, position};
}

void PatternAutomaton::link(const std::vector<std::size_t>& from,
                            const std::vector<std::size_t>& to) {
  for (const std::size_t position : from) {
    std::vector<std::size_t>& next = positions_[position].next;
    add_all(next, to);
    sort_unique(next);
  }
}

PatternAutomaton::Part PatternAutomaton::sequence(Part before, Part after) {
  link(before.last, after.first);
  if (before.may_be_empty) add_all(before.first, after.first);
  if (after.may_be_empty) add_all(after.last, before.last);
  return {std::move(before.first), std::move(after.last), before.may_be_empty && after.may_be_empty,
          before.begin};
}

PatternAutomaton::Part PatternAutomaton::either(Part one, Part other) {
  add_all(one.first, other.first);
  add_all(one.last, other.last);
  one.may_be_empty |= other.may_be_empty;
  return one;
}

PatternAutomaton::Part PatternAutomaton::repeated(Part part, std::uint64_t least,
                                                  std::optional<std::uint64_t> most) {
  if (most == 0) {
    remove(part);
    return empty();
  }
  std::uint64_t copies = most.value_or(std::max<std::uint64_t>(least, 1));
  const bool is_counted = copies > kMostCopies;
  if (is_counted) copies = 1;
  const std::vector<Position> atom(positions_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                                   positions_.end());
  Part next = part;
  std::vector<std::size_t> last;
  for (std::uint64_t i = 1;; ++i) {
    if (i >= least || is_counted) add_all(last, part.last);
    if (i == copies) break;
    for (Position position : atom) {
      for (std::size_t& after : position.next) after += i * atom.size();
      positions_.push_back(std::move(position));
    }
    for (std::size_t& first : next.first) first += atom.size();
    for (std::size_t& end : next.last) end += atom.size();
    part = sequence(std::move(part), next);
  }
  if (is_counted || !most) link(next.last, next.first);
  sort_unique(last);
  part.last = std::move(last);
  part.may_be_empty |= least == 0;
  return part;
}

double PatternAutomaton::compile_seconds(const Part& whole, double most) const {
  double seconds = 0;
  const auto add = [&](const std::vector<std::size_t>& next) {
    seconds += kSecondsPerState;
    for (const Shape& shape : kShapes) seconds += kSecondsPerVisit * visits(next, shape);
  };
  add(whole.first);
  for (std::size_t i = 0; i < positions_.size() && seconds <= most; ++i) add(positions_[i].next);
  return seconds;
}

/// The states that a compiler visits while it reads the tokens of a shape in the state before
/// `next`.
double PatternAutomaton::visits(const std::vector<std::size_t>& next, const Shape& shape) const {
  // The share of a prefix's letters with which the automaton is in a position.
  std::vector<std::pair<std::size_t, float>> now, then;
  for (const std::size_t position : next) now.emplace_back(position, 1.0f);
  std::vector<float> shares(positions_.size());
  double all = 0;
  for (std::size_t depth = 0; depth < kDepth && !now.empty(); ++depth) {
    const Kind kind = shape.kinds[std::min(depth, shape.kinds.size() - 1)];
    then.clear();
    for (const auto& [position, share] : now) {
      const float reached = share * positions_[position].shares[kind];
      if (reached < kLeastShare) continue;
      all += shape.prefixes[depth] * static_cast<double>(reached);
      for (const std::size_t after : positions_[position].next) {
        if (shares[after] == 0) then.emplace_back(after, 0.0f);
        shares[after] = std::min(1.0f, shares[after] + reached);  // of other letters each
      }
    }
    for (auto& [position, share] : then) share = std::exchange(shares[position], 0.0f);
    std::swap(now, then);
  }
  return all;
}

}  // namespace oko::grammar
