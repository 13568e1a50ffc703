#include "document/judgement.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "document/merge.h"
#include "document/pixel_box.h"
#include "document/stretch.h"
#include "text/characters.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

#include "document/letter_pairs.inc"

// Share of all pairs that are usual. Russian, English, German, French and Ukrainian text has 0.95
// and more, Polish 0.79 and Welsh 0.75, text moved along the alphabet 0.62 and less.
constexpr double kUsualPairs = 0.7;
constexpr std::size_t kEnoughPairs = 30;
constexpr double kStrange = 0.1;    // characters without a meaning, of all
constexpr double kQuestions = 0.2;  // question marks after another, of all
// Letters of the second half of Latin-1, of all. French has 0.04, Icelandic 0.2.
constexpr double kWesternLetters = 0.4;
// Р and С begin each letter of UTF-8 that is read as cp1251. Russian in capitals has 0.12 of them.
constexpr double kLeadBytes = 0.35;
constexpr std::size_t kEnoughCharacters = 10;

/// Counts of the characters and letter pairs of a text.
struct Letters {
  std::size_t characters = 0, strange = 0, questions = 0, lead_bytes = 0;
  std::size_t letters = 0, western = 0;
  std::size_t pairs = 0, usual_pairs = 0;
};

/// 0 to 31 for а to я, in either case; ё counts as е. -1: another letter.
int russian(char32_t c) {
  if (c == U'ё' || c == U'Ё') return 5;
  if (c >= U'а' && c <= U'я') return static_cast<int>(c - U'а');
  if (c >= U'А' && c <= U'Я') return static_cast<int>(c - U'А');
  return -1;
}

int english(char32_t c) {
  if (c >= U'a' && c <= U'z') return static_cast<int>(c - U'a');
  if (c >= U'A' && c <= U'Z') return static_cast<int>(c - U'A');
  return -1;
}

bool is_small(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'а' && c <= U'я') || c == U'ё';
}

bool is_western(char32_t c) {
  return c >= 0xC0 && c <= 0xFF && c != 0xD7 && c != 0xF7;
}

void count_pair(char32_t first, char32_t second, Letters& letters) {
  const int ru[] = {russian(first), russian(second)}, en[] = {english(first), english(second)};
  const bool both_russian = ru[0] >= 0 && ru[1] >= 0, both_english = en[0] >= 0 && en[1] >= 0;
  const bool mixed = (ru[0] >= 0 && en[1] >= 0) || (en[0] >= 0 && ru[1] >= 0);
  if (!both_russian && !both_english && !mixed) return;
  ++letters.pairs;
  if (mixed || (is_small(first) && !is_small(second))) return;
  const std::uint32_t row = both_russian ? kRussianPairs[static_cast<std::size_t>(ru[0])]
                                         : kEnglishPairs[static_cast<std::size_t>(en[0])];
  letters.usual_pairs += row >> (both_russian ? ru[1] : en[1]) & 1;
}

void count(const std::string& word, Letters& letters) {
  char32_t before = 0;
  for (std::size_t at = 0; at < word.size();) {
    const text::Utf8Step step = text::next_utf8(word, at);
    const char32_t c = step.code_point;
    at += step.length;
    ++letters.characters;
    if (c == 0xFFFD || text::is_private(c) || text::is_control(c)) ++letters.strange;
    if (c == U'?' && before == U'?') ++letters.questions;
    if (c == U'Р' || c == U'С') ++letters.lead_bytes;
    if (russian(c) >= 0 || english(c) >= 0 || is_western(c)) ++letters.letters;
    if (is_western(c)) ++letters.western;
    if (before != 0) count_pair(before, c, letters);
    before = c;
  }
}

bool is_more_than(std::size_t part, double share, std::size_t all) {
  return static_cast<double>(part) > share * static_cast<double>(all);
}

bool is_inside(const Box& box, const Box& other) {
  return box.left >= other.left && box.top >= other.top &&
         box.left + box.width <= other.left + other.width &&
         box.top + box.height <= other.top + other.height;
}

/// Drops the boxes inside others. Very many boxes become one around all of them.
std::vector<Box> outermost(std::vector<Box> places) {
  constexpr std::size_t kMost = 2000;
  std::sort(places.begin(), places.end(),
            [](const Box& a, const Box& b) { return a.width * a.height > b.width * b.height; });
  std::vector<Box> kept;
  for (const Box& place : places) {
    const bool inside = std::any_of(kept.begin(), kept.end(),
                                    [&](const Box& other) { return is_inside(place, other); });
    if (inside) continue;
    if (kept.size() == kMost) {
      return {std::accumulate(places.begin(), places.end(), places.front(), around)};
    }
    kept.push_back(place);
  }
  return kept;
}

}  // namespace

bool lies_over_itself(const Page& page) {
  constexpr double kMost = 0.3;  // of the words
  constexpr std::size_t kFew = 4;
  constexpr float kLikeHeight = 0.5f;
  std::vector<Box> words;
  for (const Line& line : page.lines) {
    for (const Word& word : line.words) words.push_back(word.box);
  }
  std::sort(words.begin(), words.end(), [](const Box& a, const Box& b) { return a.top < b.top; });
  std::size_t covered = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Box& a = words[i];
    for (std::size_t k = i + 1; k < words.size() && words[k].top < a.top + a.height; ++k) {
      const Box& b = words[k];
      const float height = std::min(a.height, b.height), width = std::min(a.width, b.width);
      if (height < kLikeHeight * std::max(a.height, b.height)) continue;
      if (2 * overlap({a.top, a.top + a.height}, {b.top, b.top + b.height}) > height &&
          2 * overlap({a.left, a.left + a.width}, {b.left, b.left + b.width}) > width) {
        ++covered;
        break;
      }
    }
  }
  return covered >= kFew && is_more_than(covered, kMost, words.size());
}

bool is_plausible(const Page& page) {
  Letters letters;
  for (const Line& line : page.lines) {
    for (const Word& word : line.words) count(word.text, letters);
  }
  if (is_more_than(letters.strange, kStrange, letters.characters)) return false;
  if (letters.characters >= kEnoughCharacters &&
      (is_more_than(letters.questions, kQuestions, letters.characters) ||
       is_more_than(letters.lead_bytes, kLeadBytes, letters.characters))) {
    return false;
  }
  if (letters.letters >= kEnoughCharacters &&
      is_more_than(letters.western, kWesternLetters, letters.letters)) {
    return false;
  }
  return letters.pairs < kEnoughPairs ||
         is_more_than(letters.usual_pairs, kUsualPairs, letters.pairs);
}

std::vector<Box> unclear_places(const Page& page) {
  std::vector<Box> places;
  for (const Line& line : page.lines) {
    const bool unclear = std::any_of(line.words.begin(), line.words.end(), [](const Word& word) {
      return word.text.size() > kUnknown.size() && is_unclear(word);
    });
    if (unclear) places.push_back(line.box);
  }
  return places;
}

std::vector<Box> open_places(const Page& page, const std::vector<Box>& places) {
  constexpr std::size_t kBands = 24;
  constexpr double kCovered = 0.6;  // of the bands; margins and pictures take the others
  std::vector<Box> open;
  for (const Box& place : outermost(places)) {
    const float band = std::max(place.height, 1.0f) / kBands,
                place_right = place.left + place.width;
    std::size_t covered = 0;
    for (std::size_t i = 0; i < kBands; ++i) {
      const float top = place.top + band * static_cast<float>(i);
      float left = place_right, right = place.left;  // of the lines in this band
      for (const Line& line : page.lines) {
        if (line.box.top >= top + band || line.box.top + line.box.height <= top) continue;
        left = std::min(left, std::max(line.box.left, place.left));
        right = std::max(right, std::min(line.box.left + line.box.width, place_right));
      }
      covered += 3 * (right - left) > place.width ? 1 : 0;
    }
    if (!is_more_than(covered, kCovered, kBands)) open.push_back(place);
  }
  return open;
}

void keep_only(const std::vector<Box>& places, image::Image& picture) {
  const auto width = static_cast<std::size_t>(picture.width);
  std::vector<bool> kept(width);
  for (int y = 0; y < picture.height; ++y) {
    std::fill(kept.begin(), kept.end(), false);
    for (const Box& place : places) {
      const PixelBox box = pixels_of(place, 0, picture);
      if (y >= box.top && y < box.bottom && box.left < box.right) {
        std::fill(kept.begin() + box.left, kept.begin() + box.right, true);
      }
    }
    std::uint8_t* row = picture.rgb.data() + static_cast<std::size_t>(y) * width * 3;
    for (std::size_t x = 0; x < width; ++x) {
      if (!kept[x]) std::fill(row + 3 * x, row + 3 * x + 3, std::uint8_t{255});
    }
  }
}

bool shows_more(const image::Image& picture, const Page& page, const std::vector<Box>& places) {
  // Brightness of two pixels, `kStep` apart, that differs by more is an edge of ink. Checks every
  // second row.
  constexpr int kEdge = 60, kStep = 2;
  // The edges of a few letters at 300 pixels an inch. A slightly shifted layer leaves some, too.
  constexpr std::size_t kFewEdges = 150;
  constexpr double kStrayEdges = 0.05;
  constexpr float kTallest = 0.05f;  // letters, of the page's height
  enum : std::uint8_t { kElsewhere, kPlace, kText };
  const auto width = static_cast<std::size_t>(picture.width);
  const auto height = static_cast<std::size_t>(picture.height);
  std::vector<std::uint8_t> kind(width * height, kElsewhere);
  const auto mark = [&](const PixelBox& box, std::uint8_t value) {
    for (int y = box.top; y < box.bottom; ++y) {
      std::uint8_t* row = kind.data() + static_cast<std::size_t>(y) * width;
      std::fill(row + box.left, row + std::max(box.left, box.right), value);
    }
  };
  for (const Box& place : places) mark(pixels_of(place, 0, picture), kPlace);
  for (const Line& line : page.lines) {
    for (const Word& word : line.words) {
      // Skip a watermark: it covers more text than it has.
      const float tall = std::min(word.box.width, word.box.height);
      if (tall > kTallest * static_cast<float>(picture.height)) continue;
      mark(pixels_of(word.box, 0.25f * tall, picture), kText);
    }
  }
  std::array<std::size_t, 3> edges{};
  for (std::size_t y = 0; y < height; y += kStep) {
    const std::uint8_t* row = picture.rgb.data() + y * width * 3;
    for (std::size_t x = 0; x + kStep < width; ++x) {
      // Green stands for brightness: it contributes most.
      const int difference = row[3 * x + 1] - row[3 * (x + kStep) + 1];
      if (std::abs(difference) > kEdge) ++edges[kind[y * width + x]];
    }
  }
  return edges[kPlace] > kFewEdges && is_more_than(edges[kPlace], kStrayEdges, edges[kText]);
}

}  // namespace oko::document
