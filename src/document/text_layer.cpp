#include "document/text_layer.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "document/reading_order.h"
#include "document/stretch.h"
#include "text/characters.h"
#include "text/utf8.h"

namespace oko::document {
namespace {

constexpr float kGlued = 0.1f;  // of the height: a smaller gap is no space
// Fraction of the height. Lines of a paragraph leave 0.2 to 0.7.
constexpr float kGapOfBlocks = 0.8f;
constexpr float kSamePlace = 0.8f;  // of both boxes: text drawn twice, to look bold

struct PlacedText {
  std::string text;
  Box box;
  int quarter_turns = 0;
  bool is_divided = false;
};

/// The part of a box that is on the page.
Box clipped(const Box& box, float width, float height) {
  const float left = std::clamp(box.left, 0.0f, width), top = std::clamp(box.top, 0.0f, height);
  return {left, top, std::clamp(box.left + box.width, left, width) - left,
          std::clamp(box.top + box.height, top, height) - top};
}

bool is_outside(const Box& box, const Box& on_page) {
  return 2 * on_page.width < box.width || 2 * on_page.height < box.height;
}

std::string without_space(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    if (!text::is_space(step.code_point)) text::append_utf8(result, step.code_point);
    at += step.length;
  }
  return result;
}

bool is_glued(const PlacedText& word, const TextPiece& piece, const Box& box) {
  const int turns = piece.quarter_turns;
  if (word.quarter_turns != turns) return false;
  const Stretch here = across(box, turns), line = across(word.box, turns);
  const float gap = along(box, turns).begin - along(word.box, turns).end;
  return overlap(here, line) > 0.5f * std::min(here.length(), line.length()) &&
         gap < kGlued * here.length() && gap > -0.5f * here.length();
}

bool is_same_place(const Box& a, const Box& b) {
  const float width = overlap({a.left, a.left + a.width}, {b.left, b.left + b.width});
  const float height = overlap({a.top, a.top + a.height}, {b.top, b.top + b.height});
  return width > kSamePlace * std::max(a.width, b.width) &&
         height > kSamePlace * std::max(a.height, b.height);
}

bool is_same(const PlacedText& a, const PlacedText& b) {
  return a.text == b.text && is_same_place(a.box, b.box);
}

/// Words in the order of the pieces.
std::vector<PlacedText> words_of(const std::vector<TextPiece>& pieces, float width, float height,
                                 bool keeps_outside) {
  std::vector<PlacedText> words;
  bool space_before = true;
  for (const TextPiece& piece : pieces) {
    const Box box = keeps_outside ? piece.box : clipped(piece.box, width, height);
    std::string text = without_space(piece.text);
    if (text.empty() || is_outside(piece.box, box)) continue;
    if (!space_before && is_glued(words.back(), piece, box)) {
      words.back().text += text;
      words.back().box = around(words.back().box, box);
      words.back().is_divided = piece.is_divided;
    } else {
      words.push_back({std::move(text), box, piece.quarter_turns, piece.is_divided});
    }
    space_before = piece.space_after;
  }
  return words;
}

/// True for the rest of a divided word, not for a footer's number or a heading.
bool begins_small(const std::string& text) {
  const char32_t c = text::next_utf8(text, 0).code_point;
  return (c >= U'a' && c <= U'z') || (c >= U'а' && c <= U'џ') || (c >= U'ß' && c <= U'ÿ');
}

enum class Writing { kNone, kRight, kLeft };

/// The direction of a word's letters; none for digits and signs.
Writing direction_of(std::string_view word) {
  Writing direction = Writing::kNone;
  for (std::size_t at = 0; at < word.size();) {
    const text::Utf8Step step = text::next_utf8(word, at);
    const char32_t c = step.code_point;
    if (text::is_right_to_left(c)) return Writing::kLeft;
    const bool is_latin = (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z');
    if (is_latin || c >= 0xC0) direction = Writing::kRight;
    at += step.length;
  }
  return direction;
}

/// The reading order of the words of a line, which come from left to right: the line has the
/// direction of most words, and neighbours of the other direction are read as a group.
std::vector<std::size_t> in_reading_direction(std::vector<std::size_t> line,
                                              const std::vector<PlacedText>& words) {
  std::vector<Writing> directions;
  directions.reserve(line.size());
  for (const std::size_t word : line) directions.push_back(direction_of(words[word].text));
  const auto left = std::ranges::count(directions, Writing::kLeft);
  if (left == 0) return line;
  const bool goes_left = left > std::ranges::count(directions, Writing::kRight);
  if (goes_left) {
    std::ranges::reverse(line);
    std::ranges::reverse(directions);
  }
  const Writing usual = goes_left ? Writing::kLeft : Writing::kRight;
  for (std::size_t begin = 0, end = 0; begin < line.size(); begin = end) {
    end = begin + 1;
    if (directions[begin] == usual || directions[begin] == Writing::kNone) continue;
    for (std::size_t i = end; i < line.size() && directions[i] != usual; ++i) {
      if (directions[i] != Writing::kNone) end = i + 1;
    }
    std::reverse(line.begin() + static_cast<std::ptrdiff_t>(begin),
                 line.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return line;
}

/// Composes lines, one after another.
class Composer {
 public:
  Composer(int width, int height) : page_{width, height, {}, TextSource::kTextLayer} {}

  /// Adds words of one reading direction, which come in the order of the file.
  void add(const std::vector<PlacedText>& words, int quarter_turns) {
    std::vector<PlacedWord> places;
    places.reserve(words.size());
    for (const PlacedText& word : words) {
      places.push_back({along(word.box, quarter_turns), across(word.box, quarter_turns)});
    }
    first_of_direction_ = true;
    for (std::vector<std::size_t>& row : reading_order(places)) {
      const std::vector<std::size_t> line = in_reading_direction(std::move(row), words);
      std::size_t first = 0;
      if (const PlacedText& rest = words[line.front()]; is_divided_ && begins_small(rest.text)) {
        page_.lines.back().words.back().text += rest.text;
        do ++first;
        while (first < line.size() && is_same(words[line[first]], rest));
      }
      is_divided_ = words[line.back()].is_divided;
      if (first == line.size()) continue;
      begin_line(words[line[first]].box, quarter_turns);
      for (std::size_t i = first; i < line.size(); ++i) add_word(words[line[i]]);
    }
    is_divided_ = false;
  }

  Page take() { return std::move(page_); }

 private:
  void add_word(const PlacedText& word) {
    Line& line = page_.lines.back();
    for (const Word& other : line.words) {
      if (other.text == word.text && is_same_place(other.box, word.box)) return;
    }
    line.words.push_back({word.text, word.box, 1, {}, TextSource::kTextLayer});
    line.box = around(line.box, word.box);
  }

  void begin_line(const Box& box, int turns) {
    int block = 0;
    if (!page_.lines.empty()) {
      const Line& last = page_.lines.back();
      const Stretch here = across(box, turns), above = across(last.box, turns);
      const float distance = here.begin - above.end,
                  height = std::min(here.length(), above.length());
      const bool below =
          !first_of_direction_ && distance > -0.5f * height && distance < kGapOfBlocks * height;
      block = last.block + (below ? 0 : 1);
    }
    page_.lines.push_back({{}, box, 1, block});
    first_of_direction_ = false;
  }

  Page page_;
  bool first_of_direction_ = true;
  bool is_divided_ = false;  ///< the last word
};

}  // namespace

Page page_of_text(const std::vector<TextPiece>& pieces, int width, int height, bool keeps_outside) {
  struct Direction {
    int quarter_turns;
    std::size_t letters = 0;
    std::vector<PlacedText> words = {};
  };
  std::vector<Direction> directions;
  for (PlacedText& word :
       words_of(pieces, static_cast<float>(width), static_cast<float>(height), keeps_outside)) {
    auto same = std::find_if(directions.begin(), directions.end(), [&](const Direction& each) {
      return each.quarter_turns == word.quarter_turns;
    });
    if (same == directions.end()) same = directions.insert(same, {word.quarter_turns});
    // Upright text comes first unless there is far less of it.
    same->letters += word.text.size() * (word.quarter_turns == 0 ? 3 : 1);
    same->words.push_back(std::move(word));
  }
  std::stable_sort(directions.begin(), directions.end(),
                   [](const Direction& a, const Direction& b) { return a.letters > b.letters; });
  Composer composer(width, height);
  for (const Direction& direction : directions) {
    composer.add(direction.words, direction.quarter_turns);
  }
  return composer.take();
}

std::size_t count_outside(const std::vector<TextPiece>& pieces, int width, int height) {
  return static_cast<std::size_t>(
      std::count_if(pieces.begin(), pieces.end(), [&](const TextPiece& piece) {
        const Box on_page =
            clipped(piece.box, static_cast<float>(width), static_cast<float>(height));
        return is_outside(piece.box, on_page) && !without_space(piece.text).empty();
      }));
}

std::size_t count_characters(const Page& page) {
  std::size_t count = 0;
  for (const Line& line : page.lines) {
    for (const Word& word : line.words) {
      for (std::size_t at = 0; at < word.text.size(); ++count) {
        at += text::next_utf8(word.text, at).length;
      }
    }
  }
  return count;
}

bool is_readable(const Page& page) {
  std::size_t all = 0, readable = 0;
  for (const Line& line : page.lines) {
    for (const Word& word : line.words) {
      for (std::size_t at = 0; at < word.text.size(); ++all) {
        const text::Utf8Step step = text::next_utf8(word.text, at);
        const char32_t c = step.code_point;
        if (c != 0xFFFD && !text::is_private(c) && !text::is_control(c)) ++readable;
        at += step.length;
      }
    }
  }
  return 2 * readable > all;
}

}  // namespace oko::document
