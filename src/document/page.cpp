#include "document/page.h"

#include <algorithm>

#include "document/stretch.h"

namespace oko::document {
namespace {

bool stand_side_by_side(const Box& a, const Box& b) {
  return overlap(across(a, 0), across(b, 0)) > std::min(a.height, b.height) / 2;
}

/// True if a line is no further below another one than it is tall.
bool stands_under(const Box& below, const Box& above) {
  return below.top > above.top && overlap(along(above, 0), along(below, 0)) > 0 &&
         overlap(across(above, 0), across(below, 0)) > -std::min(above.height, below.height);
}

}  // namespace

float median_height(const std::vector<Box>& boxes) {
  if (boxes.empty()) return 0;
  std::vector<float> heights;
  heights.reserve(boxes.size());
  for (const Box& box : boxes) heights.push_back(box.height);
  const auto middle = heights.begin() + static_cast<std::ptrdiff_t>(heights.size() / 2);
  std::nth_element(heights.begin(), middle, heights.end());
  return *middle;
}

std::string Line::text() const {
  std::string text;
  for (const Word& word : words) {
    if (!text.empty()) text += ' ';
    text += word.text;
  }
  return text;
}

std::string Page::text() const {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0 && lines[i].block != lines[i - 1].block) text += '\n';
    text += lines[i].text() + '\n';
  }
  return text;
}

Page resized(Page page, int width, int height) {
  const float across = static_cast<float>(width) / static_cast<float>(std::max(1, page.width));
  const float down = static_cast<float>(height) / static_cast<float>(std::max(1, page.height));
  const auto resize = [&](Box& box) {
    box = {box.left * across, box.top * down, box.width * across, box.height * down};
  };
  for (Line& line : page.lines) {
    resize(line.box);
    for (Word& word : line.words) resize(word.box);
  }
  page.width = width;
  page.height = height;
  return page;
}

bool is_unsure(const Word& word, float least) {
  return word.confidence < least;
}

std::string marked_text(const Page& page, float least) {
  Page marked = page;
  for (Line& line : marked.lines) {
    for (Word& word : line.words) {
      if (is_unsure(word, least)) word.text = "[" + word.text + "?]";
    }
  }
  return marked.text();
}

void number_blocks(Page& page) {
  if (!page.lines.empty()) page.lines[0].block = 0;
  std::size_t first = 0;  // of the block
  for (std::size_t i = 1; i < page.lines.size(); ++i) {
    const Box& box = page.lines[i].box;
    bool belongs = stand_side_by_side(page.lines[i - 1].box, box);
    for (std::size_t j = i; j > first && !belongs; --j) {
      belongs = stands_under(box, page.lines[j - 1].box);
    }
    if (!belongs) first = i;
    page.lines[i].block = page.lines[i - 1].block + (belongs ? 0 : 1);
  }
}

}  // namespace oko::document
