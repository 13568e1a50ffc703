#include "ocr/page.h"

namespace oko::ocr {

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

}  // namespace oko::ocr
