#include "text/chunker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/characters.h"
#include "text/grapheme.h"
#include "text/utf8.h"

namespace oko::text {
namespace {

using Texts = std::vector<std::string>;

/// A token a word, and one more for each 4 bytes of it.
std::size_t count_words(std::string_view text) {
  std::size_t tokens = 0, length = 0;
  for (const char c : text) {
    length = c == ' ' || c == '\n' ? 0 : length + 1;
    if (length % 4 == 1) ++tokens;
  }
  return tokens;
}

std::size_t count_spaced(std::string_view text) {
  std::size_t tokens = 0;
  bool in_word = false;
  for (const char c : text) {
    if (c != ' ' && c != '\n' && !in_word) ++tokens;
    in_word = c != ' ' && c != '\n';
  }
  return tokens;
}

Texts divide(std::string_view text, std::size_t max_tokens, std::size_t overlap_tokens) {
  Texts texts;
  for (const TextRange& range : chunks(text, {max_tokens, overlap_tokens}, count_spaced)) {
    texts.emplace_back(range.of(text));
  }
  return texts;
}

TEST(ChunkerTest, CutsBetweenSentences) {
  EXPECT_EQ(divide("A b c. D e. F g h. I.", 6, 0), (Texts{"A b c. D e.", "F g h. I."}));
  EXPECT_EQ(divide("A b c.", 6, 2), Texts{"A b c."});
  EXPECT_EQ(divide("", 6, 2), Texts{});
}

TEST(ChunkerTest, RepeatsWholeSentences) {
  EXPECT_EQ(divide("A b c. D e. F g h. I.", 5, 2), (Texts{"A b c. D e.", "D e. F g h.", "I."}));
  // Nothing is repeated if the next sentence would not fit with it.
  EXPECT_EQ(divide("A b c. D e. F g h i j. K.", 5, 2), (Texts{"A b c. D e.", "F g h i j.", "K."}));
}

TEST(ChunkerTest, PrefersEndsOfParagraphs) {
  EXPECT_EQ(divide("A b c d.\n\nE f. G h i j.", 6, 0), (Texts{"A b c d.", "E f. G h i j."}));
  EXPECT_EQ(divide("A b.\n\nE f. G h.", 6, 0), (Texts{"A b.\n\nE f. G h."}));
  // Not if the chunk would be less than half full.
  EXPECT_EQ(divide("A b.\n\nE f g. G h i.", 6, 0), (Texts{"A b.\n\nE f g.", "G h i."}));
}

TEST(ChunkerTest, CutsLongSentencesBetweenLinesAndWords) {
  EXPECT_EQ(divide("a b c d e f g", 3, 2), (Texts{"a b c", "d e f", "g"}));
  EXPECT_EQ(divide("a b c\nd e f\ng h i", 4, 2), (Texts{"a b c", "d e f", "g h i"}));
}

/// What must hold of any text.
void expect_properties(std::string_view text, const ChunkOptions& options,
                       const CountTokens& count) {
  const std::vector<TextRange> ranges = chunks(text, options, count);
  std::vector<bool> is_boundary(text.size() + 1);
  for (std::size_t at = 0; at < text.size(); at = grapheme_end(text, at)) is_boundary[at] = true;
  is_boundary[text.size()] = true;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const TextRange& range = ranges[i];
    ASSERT_LT(range.begin, range.end);
    ASSERT_LE(range.end, text.size());
    EXPECT_LE(count(range.of(text)), options.max_tokens);
    EXPECT_TRUE(is_boundary[range.begin]) << range.begin;
    EXPECT_TRUE(is_boundary[range.end]) << range.end << " behind \"" << range.of(text)
                                        << "\", before \"" << text.substr(range.end, 12) << '"';
    ASSERT_GT(range.end, covered);
    for (; covered < range.begin; ++covered) {
      // White space alone is left out.
      const std::string_view left = text.substr(covered, 4);
      EXPECT_TRUE((left[0] & 0xC0) == 0x80 || is_space(next_utf8(text, covered).code_point))
          << covered;
    }
    if (i > 0 && range.begin < ranges[i - 1].end) {
      const TextRange shared{range.begin, ranges[i - 1].end};
      EXPECT_LE(count(shared.of(text)), options.overlap_tokens);
    }
    covered = range.end;
  }
  for (; covered < text.size(); ++covered) {
    EXPECT_TRUE((text[covered] & 0xC0) == 0x80 || is_space(next_utf8(text, covered).code_point));
  }
}

TEST(ChunkerTest, NothingIsLostAndNoLimitBroken) {
  const std::vector<std::string> pieces{
      "слово",  "word",   ". ",      "! ",
      "? — ",   "\n",     "\n\n",    " ",
      "А. С. ", "т. е. ", "e\u0301", "\U0001F468\u200D\U0001F469\u200D\U0001F467",
      "🇷🇺",     "。",     "- ",      "1. ",
      "  ",     "\u00A0", "\r\n",    " \u0301",
      "x",      "«",      "».",      "длинноеслово",
      "...",    "\u200B", "\u2029",  "3.14"};
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (std::uint32_t n = random() % 80; n > 0; --n) text += pieces[random() % pieces.size()];
    const std::size_t max_tokens = 7 + random() % 20;
    SCOPED_TRACE(text);
    expect_properties(text, {max_tokens, random() % max_tokens}, count_words);
    if (HasFailure()) return;
  }
}

TEST(ChunkerTest, TextWithoutSpacesTakesFewCounts) {
  for (const std::string_view piece : {"a", "я", "e\u0301", "。", ".", "a.", "\"", "-"}) {
    std::string text;
    constexpr std::size_t kBytes = 1'000'000;
    while (text.size() < kBytes) text += piece;
    std::uint64_t bytes = 0;
    const auto ranges = chunks(text, {}, [&](std::string_view counted) {
      bytes += counted.size();
      return count_words(counted);
    });
    EXPECT_GT(ranges.size(), 900u) << piece;
    EXPECT_LT(bytes, 8 * kBytes) << piece;
  }
}

/// A base with very many marks is one character, and does not fit.
TEST(ChunkerTest, CutsACharacterThatDoesNotFit) {
  std::string text = "e";
  for (int i = 0; i < 100'000; ++i) text += "\u0301";
  std::uint64_t bytes = 0;
  const auto ranges = chunks(text, {}, [&](std::string_view counted) {
    bytes += counted.size();
    return count_words(counted);
  });
  std::size_t covered = 0;
  for (const TextRange& range : ranges) {
    EXPECT_EQ(range.begin, covered);
    EXPECT_LE(count_words(range.of(text)), 256u);
    EXPECT_EQ(next_utf8(text, range.begin).kind, Utf8Step::Kind::kValid);
    covered = range.end;
  }
  EXPECT_EQ(covered, text.size());
  EXPECT_LT(bytes, 64 * text.size());
}

/// A tokenizer may give more tokens for a text than for its parts.
TEST(ChunkerTest, CountsWholeChunks) {
  const auto count = [](std::string_view text) {
    return count_spaced(text) + static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  };
  const std::string text = "A b. C d. E f. G h. I j. K l. M n. O p.";
  const auto ranges = chunks(text, {10, 3}, count);
  for (const TextRange& range : ranges) EXPECT_LE(count(range.of(text)), 10u);
  expect_properties(text, {10, 3}, count);
}

}  // namespace
}  // namespace oko::text
