#include "document/text_layer.h"

#include <gtest/gtest.h>

namespace oko::document {
namespace {

/// 10 pixels high, a letter 8 wide.
TextPiece piece(const std::string& text, float left, float top, float width, bool space = true) {
  return {text, {left, top, width, 10}, space, 0};
}

TEST(TextLayerTest, WordsBecomeLinesAndBlocks) {
  const Page page = page_of_text(
      {piece("Первая", 10, 10, 48), piece("line,", 64, 10, 40, false), piece("second", 10, 23, 48),
       piece("line", 64, 23, 32, false), piece("Абзац", 10, 50, 40, false),
       piece("Right", 200, 10, 40), piece("column", 248, 10, 48, false)},
      400, 200);
  EXPECT_EQ(page.text(), "Первая line,\nsecond line\n\nАбзац\n\nRight column\n");
  EXPECT_EQ(page.source, TextSource::kTextLayer);
  EXPECT_EQ(page.lines[0].box, (Box{10, 10, 94, 10}));
  EXPECT_EQ(page.lines[0].words[1].box, (Box{64, 10, 40, 10}));
  EXPECT_EQ(page.lines[0].words[1].confidence, 1);
}

TEST(TextLayerTest, PartsOfAWordAreOneWord) {
  const Page page = page_of_text(
      {piece("«", 10, 10, 8, false), piece("Эхо", 18, 11, 24, false), piece("»,", 42, 10, 16)}, 400,
      200);
  ASSERT_EQ(page.lines.size(), 1u);
  ASSERT_EQ(page.lines[0].words.size(), 1u);
  EXPECT_EQ(page.lines[0].words[0].text, "«Эхо»,");
  EXPECT_EQ(page.lines[0].words[0].box, (Box{10, 10, 48, 11}));
}

TEST(TextLayerTest, ReadsRightToLeftWordsInTheirOrder) {
  const auto text = [](const std::vector<std::string>& from_left) {
    std::vector<TextPiece> pieces;
    for (const std::string& word : from_left) {
      pieces.push_back(piece(word, 10.0f + 60.0f * static_cast<float>(pieces.size()), 10, 55));
    }
    return page_of_text(pieces, 600, 200).text();
  };
  EXPECT_EQ(text({"123", "עולם", "שלום"}), "שלום עולם 123\n");
  EXPECT_EQ(text({"טוב", "New", "York", "עולם", "שלום"}), "שלום עולם New York טוב\n");
  EXPECT_EQ(text({"The", "words", "5", "עולם", "שלום", "mean", "hello"}),
            "The words 5 שלום עולם mean hello\n");
}

TEST(TextLayerTest, AWordThatASoftHyphenDividesIsWhole) {
  const auto divided = [](const std::string& text, float top) {
    TextPiece piece{text, {10, top, 48, 10}};
    piece.is_divided = true;
    return piece;
  };
  EXPECT_EQ(page_of_text({divided("дого", 10), piece("вор", 10, 22, 24), piece("дня", 40, 22, 24)},
                         400, 200)
                .text(),
            "договор\nдня\n");
  EXPECT_EQ(
      page_of_text({divided("дого", 10), divided("вор", 22), piece("ный", 10, 34, 24)}, 400, 200)
          .text(),
      "договорный\n");
  EXPECT_EQ(page_of_text({divided("дого", 10), piece("17", 10, 22, 16)}, 400, 200).text(),
            "дого\n17\n")
      << "the number of the page";
}

TEST(TextLayerTest, DropsTextOutsideThePageAndClipsBoxes) {
  const Page page = page_of_text(
      {piece("out", -50, 10, 24), piece("below", 10, 300, 40), piece("edge", 380, 10, 30)}, 400,
      200);
  ASSERT_EQ(page.text(), "edge\n");
  EXPECT_EQ(page.lines[0].words[0].box, (Box{380, 10, 20, 10}));
}

TEST(TextLayerTest, KeepsTextOutsideThePageInOrderIfAsked) {
  const Page page =
      page_of_text({piece("below", 10, 300, 40), piece("edge", 380, 190, 40)}, 400, 200, true);
  ASSERT_EQ(page.text(), "edge\n\nbelow\n");
  EXPECT_EQ(page.lines[0].words[0].box, (Box{380, 190, 40, 10}));
}

TEST(TextLayerTest, TextThatRunsUpOrDownIsOneLine) {
  for (const int turns : {1, 3}) {
    const float first = turns == 1 ? 20 : 120, second = 70;
    const Page page = page_of_text(
        {{"up", {10, first, 10, 40}, true, turns}, {"down", {10, second, 10, 40}, false, turns}},
        400, 200);
    EXPECT_EQ(page.text(), "up down\n") << turns;
  }
}

TEST(TextLayerTest, DetectsReadableText) {
  const auto readable = [](const std::string& text) {
    return is_readable(page_of_text({piece(text, 10, 10, 50)}, 400, 200));
  };
  EXPECT_TRUE(readable("слово"));
  EXPECT_TRUE(
      readable("wo\xEF\xBF\xBD"
               "rd"));
  EXPECT_FALSE(
      readable("\xEF\xBF\xBD\xEF\xBF\xBD"
               "a"));
  EXPECT_FALSE(readable("\uE001\uE002\uF8FF"));
  EXPECT_FALSE(
      readable("\x01\x02\x03"
               "a"));
  EXPECT_FALSE(readable("\u00A0 \t"));
  EXPECT_FALSE(is_readable({}));
}

}  // namespace
}  // namespace oko::document
