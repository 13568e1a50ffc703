#include "tasks/caption.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace oko::tasks {
namespace {

constexpr std::size_t kMostKeywords = 20;
constexpr std::size_t kLongestKeyword = 60;  // bytes; a longer one is a sentence
/// A line of keywords begins so, perhaps in bold or as a heading.
constexpr std::array<std::string_view, 4> kLabels{
    "Keywords:", "keywords:", "Ключевые слова:", "ключевые слова:"};

std::string_view trimmed(std::string_view text, std::string_view around) {
  const std::size_t first = text.find_first_not_of(around);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(around) - first + 1);
}

/// The place of the last label, and of what follows it; npos: there is none.
std::pair<std::size_t, std::size_t> find_label(std::string_view answer) {
  std::pair<std::size_t, std::size_t> found{std::string_view::npos, std::string_view::npos};
  for (const std::string_view label : kLabels) {
    const std::size_t at = answer.rfind(label);
    if (at == std::string_view::npos) continue;
    if (found.first == std::string_view::npos || at > found.first) found = {at, at + label.size()};
  }
  return found;
}

}  // namespace

std::string caption_question(Language language) {
  return language == Language::kRussian
             ? "Опиши это изображение в двух-трёх предложениях. Последней строкой напиши "
               "«Ключевые слова:» и от пяти до десяти слов через запятую."
             : "Describe this image in two or three sentences. As the last line, write "
               "\"Keywords:\" and five to ten words, separated by commas.";
}

Caption caption_of(std::string_view answer) {
  constexpr std::string_view kSpace = " \t\r\n", kMarks = " \t\r\n*_#\"`.«»";
  const auto [begin, end] = find_label(answer);
  Caption caption;
  if (begin == std::string_view::npos) {
    caption.description = trimmed(answer, kSpace);
    return caption;
  }
  std::string_view description = answer.substr(0, begin);
  const std::size_t last = description.find_last_not_of(" \t\r\n*_#");
  caption.description =
      trimmed(description.substr(0, last == std::string_view::npos ? 0 : last + 1), kSpace);
  std::string_view rest = answer.substr(end);
  while (!rest.empty() && caption.keywords.size() < kMostKeywords) {
    const std::size_t comma = rest.find_first_of(",;\n");
    const std::string keyword(trimmed(rest.substr(0, comma), kMarks));
    const bool is_new = std::find(caption.keywords.begin(), caption.keywords.end(), keyword) ==
                        caption.keywords.end();
    if (!keyword.empty() && keyword.size() <= kLongestKeyword && is_new) {
      caption.keywords.push_back(keyword);
    }
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return caption;
}

Language language_of_text(std::string_view text) {
  std::size_t cyrillic = 0, latin = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    cyrillic += byte == 0xD0 || byte == 0xD1;
    latin += (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
  }
  return cyrillic > latin ? Language::kRussian : Language::kEnglish;
}

}  // namespace oko::tasks
