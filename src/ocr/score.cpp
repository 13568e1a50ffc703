#include "ocr/score.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "text/utf8.h"

namespace oko::ocr {
namespace {

bool is_space(char32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0;
}

/// The characters of a text, with one space for each run of white space.
std::u32string characters_of(std::string_view text) {
  std::u32string result;
  for (std::size_t at = 0; at < text.size();) {
    const text::Utf8Step step = text::next_utf8(text, at);
    at += step.length;
    if (!is_space(step.code_point)) {
      result += step.code_point;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::vector<std::u32string> words_of(const std::u32string& characters) {
  std::vector<std::u32string> words;
  for (const char32_t c : characters) {
    if (c == ' ' || words.empty()) words.emplace_back();
    if (c != ' ') words.back() += c;
  }
  return words;
}

enum class Step : std::uint8_t { kBoth, kTruth, kRead };  // the text that a step consumes

/// Walks the cheapest way back from both ends.
template <typename Sequence>
std::array<ErrorCount, kScripts> count_errors(const Sequence& truth, const Sequence& read) {
  const std::size_t width = read.size() + 1;
  std::vector<Step> steps((truth.size() + 1) * width, Step::kRead);
  std::vector<std::uint32_t> before(width), now(width);
  for (std::size_t j = 0; j < width; ++j) before[j] = static_cast<std::uint32_t>(j);
  for (std::size_t i = 1; i <= truth.size(); ++i) {
    now[0] = static_cast<std::uint32_t>(i);
    steps[i * width] = Step::kTruth;
    for (std::size_t j = 1; j < width; ++j) {
      const std::uint32_t both = before[j - 1] + (truth[i - 1] == read[j - 1] ? 0 : 1);
      const std::uint32_t least = std::min({both, before[j] + 1, now[j - 1] + 1});
      now[j] = least;
      steps[i * width + j] = least == both            ? Step::kBoth
                             : least == before[j] + 1 ? Step::kTruth
                                                      : Step::kRead;
    }
    std::swap(before, now);
  }
  std::array<ErrorCount, kScripts> counts;
  const auto of = [&](const auto& element) -> ErrorCount& {
    return counts[static_cast<std::size_t>(script_of(element))];
  };
  for (const auto& element : truth) ++of(element).total;
  for (std::size_t i = truth.size(), j = read.size(); i > 0 || j > 0;) {
    const Step step = steps[i * width + j];
    if (step == Step::kRead) {
      ++of(read[--j]).wrong;
      continue;
    }
    --i;
    if (step == Step::kBoth) --j;
    if (step == Step::kTruth || truth[i] != read[j]) ++of(truth[i]).wrong;
  }
  return counts;
}

ErrorCount sum(const std::array<ErrorCount, kScripts>& counts) {
  ErrorCount all;
  for (const ErrorCount& count : counts) all += count;
  return all;
}

}  // namespace

ErrorCount& ErrorCount::operator+=(const ErrorCount& other) {
  total += other.total;
  wrong += other.wrong;
  return *this;
}

ErrorCount TextErrors::all_characters() const {
  return sum(characters);
}

ErrorCount TextErrors::all_words() const {
  return sum(words);
}

TextErrors& TextErrors::operator+=(const TextErrors& other) {
  for (std::size_t i = 0; i < kScripts; ++i) {
    characters[i] += other.characters[i];
    words[i] += other.words[i];
  }
  return *this;
}

TextErrors compare_texts(std::string_view truth, std::string_view read) {
  const std::u32string true_characters = characters_of(truth), characters = characters_of(read);
  return {count_errors(true_characters, characters),
          count_errors(words_of(true_characters), words_of(characters))};
}

}  // namespace oko::ocr
