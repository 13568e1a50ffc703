#include "grammar/letter_set.h"

#include <algorithm>
#include <utility>

namespace oko::grammar {
namespace {

constexpr char32_t kLast = 0x10FFFF;

LetterRanges complement(LetterRanges ranges) {
  std::ranges::sort(ranges);
  LetterRanges others;
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) others.emplace_back(next, first - 1);
    next = std::max<char32_t>(next, last + 1);
  }
  if (next <= kLast) others.emplace_back(next, kLast);
  return others;
}

}  // namespace

LetterRanges class_escape(char32_t c) {
  switch (c) {
    case 'd':
      return {{'0', '9'}};
    case 'w':
      return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return {{0x09, 0x0D},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
              {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
              {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    default:
      return complement(class_escape(c - 'A' + 'a'));
  }
}

LetterRanges plain_letters(LetterRanges ranges, bool is_negated) {
  LetterRanges excluded = is_negated ? std::move(ranges) : complement(std::move(ranges));
  for (const auto& range : LetterRanges{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0xD800, 0xDFFF}}) {
    excluded.push_back(range);
  }
  return complement(std::move(excluded));
}

}  // namespace oko::grammar
