#include "document/text_layer.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "text/utf8.h"

namespace oko::document {
namespace {

using ocr::Box;

constexpr float kGlued = 0.1f;  // of the height: less of a gap is none
// Of the height. Lines of a paragraph leave 0.2 to 0.7.
constexpr float kGapOfBlocks = 0.8f;

/// A stretch of a box along its reading direction, and one across it, downwards from its top.
struct Stretch {
  float begin = 0;
  float end = 0;
  float length() const { return end - begin; }
};

Stretch along(const Box& box, int quarter_turns) {
  const float right = box.left + box.width, bottom = box.top + box.height;
  switch (quarter_turns) {
    case 1:
      return {box.top, bottom};
    case 2:
      return {-right, -box.left};
    case 3:
      return {-bottom, -box.top};
    default:
      return {box.left, right};
  }
}

Stretch across(const Box& box, int quarter_turns) {
  return along(box, (quarter_turns + 1) % 4);
}

float overlap(const Stretch& a, const Stretch& b) {
  return std::min(a.end, b.end) - std::max(a.begin, b.begin);
}

Box around(const Box& a, const Box& b) {
  const float left = std::min(a.left, b.left), top = std::min(a.top, b.top);
  return {left, top, std::max(a.left + a.width, b.left + b.width) - left,
          std::max(a.top + a.height, b.top + b.height) - top};
}

/// The part of it that is on the page.
Box clipped(const Box& box, float width, float height) {
  const float left = std::clamp(box.left, 0.0f, width), top = std::clamp(box.top, 0.0f, height);
  return {left, top, std::clamp(box.left + box.width, left, width) - left,
          std::clamp(box.top + box.height, top, height) - top};
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

bool is_space(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000 || c == 0xFEFF;
}

bool is_private(char32_t c) {
  return (c >= 0xE000 && c <= 0xF8FF) || c >= 0xF0000;
}

/// Without white space, the mark of the byte order among it.
std::string without_space(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    if (!is_space(step.code_point)) text::append_utf8(result, step.code_point);
    at += step.length;
  }
  return result;
}

/// Puts pieces together one after the other.
class Composer {
 public:
  Composer(int width, int height) : page_{width, height, {}, ocr::TextSource::kTextLayer} {}

  void add(const TextPiece& piece) {
    const Box box =
        clipped(piece.box, static_cast<float>(page_.width), static_cast<float>(page_.height));
    const bool outside = 2 * box.width < piece.box.width || 2 * box.height < piece.box.height;
    const std::string text = without_space(piece.text);
    if (text.empty() || outside) return;
    const bool continues = continues_line(box, piece.quarter_turns);
    if (continues && !space_before_ && gap(box) < kGlued * across(box, turns_).length()) {
      ocr::Word& word = page_.lines.back().words.back();
      word.text += text;
      word.box = around(word.box, box);
    } else {
      if (!continues) begin_line(box, piece.quarter_turns);
      page_.lines.back().words.push_back({text, box, 1, {}});
    }
    page_.lines.back().box = around(page_.lines.back().box, box);
    space_before_ = piece.space_after;
  }

  ocr::Page take() { return std::move(page_); }

 private:
  float gap(const Box& box) const {
    return along(box, turns_).begin - along(page_.lines.back().words.back().box, turns_).end;
  }

  bool continues_line(const Box& box, int turns) const {
    if (page_.lines.empty() || turns != turns_) return false;
    const Stretch here = across(box, turns), line = across(page_.lines.back().box, turns);
    return overlap(here, line) > 0.5f * std::min(here.length(), line.length()) &&
           gap(box) > -0.5f * here.length();
  }

  void begin_line(const Box& box, int turns) {
    int block = 0;
    if (!page_.lines.empty()) {
      const ocr::Line& last = page_.lines.back();
      const Stretch here = across(box, turns), above = across(last.box, turns);
      const float distance = here.begin - above.end,
                  height = std::min(here.length(), above.length());
      const bool below =
          turns == turns_ && distance > -0.5f * height && distance < kGapOfBlocks * height;
      block = last.block + (below ? 0 : 1);
    }
    page_.lines.push_back({{}, box, 1, block});
    turns_ = turns;
  }

  ocr::Page page_;
  int turns_ = 0;              ///< of the last line
  bool space_before_ = false;  ///< the last piece is followed by one
};

}  // namespace

ocr::Page page_of_text(const std::vector<TextPiece>& pieces, int width, int height) {
  Composer composer(width, height);
  for (const TextPiece& piece : pieces) composer.add(piece);
  return composer.take();
}

bool is_readable(const ocr::Page& page) {
  std::size_t all = 0, readable = 0;
  for (const ocr::Line& line : page.lines) {
    for (const ocr::Word& word : line.words) {
      for (std::size_t at = 0; at < word.text.size(); ++all) {
        const text::Utf8Step step = text::next_utf8(word.text, at);
        const char32_t c = step.code_point;
        if (c != 0xFFFD && !is_private(c) && !is_control(c)) ++readable;
        at += step.length;
      }
    }
  }
  return 2 * readable > all;
}

}  // namespace oko::document
