#include "document/merge.h"

#include <gtest/gtest.h>

namespace oko::document {
namespace {

Line line(const std::string& text, float left, float top, TextSource source, float confidence = 1) {
  Line result{{}, {left, top, 0, 20}, confidence, 0};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const Box box{left + 10 * static_cast<float>(begin), top, 10 * static_cast<float>(end - begin),
                  20};
    result.words.push_back({text.substr(begin, end - begin), box, confidence, {}, source});
    begin = end + 1;
  }
  result.box.width = 10 * static_cast<float>(text.size());
  return result;
}

Page told(std::vector<Line> lines) {
  return {1000, 1000, std::move(lines), TextSource::kTextLayer};
}

TEST(MergeTest, PlacesReadWordsByTheirBoxes) {
  const Page page =
      merged(told({line("header", 100, 10, TextSource::kTextLayer),
                   line("footer", 100, 900, TextSource::kTextLayer)}),
             {1000, 1000, {line("a scanned page", 100, 400, TextSource::kRecognized, 0.9f)}});
  EXPECT_EQ(page.text(), "header\n\na scanned page\n\nfooter\n");
  EXPECT_EQ(page.source, TextSource::kBoth);
  EXPECT_EQ(page.lines[0].words[0].source, TextSource::kTextLayer);
  EXPECT_EQ(page.lines[1].words[0].source, TextSource::kRecognized);
}

TEST(MergeTest, DropsReadWordsThatTheLayerHas) {
  const Page page = merged(told({line("total: 5.00", 100, 10, TextSource::kTextLayer)}),
                           {1000,
                            1000,
                            {line("tota1: 5.00", 102, 12, TextSource::kRecognized, 0.9f),
                             line("stamp", 600, 10, TextSource::kRecognized, 0.9f)}});
  EXPECT_EQ(page.text(), "total: 5.00 stamp\n");
}

TEST(MergeTest, OrdersVerticalTextSeparately) {
  const auto upwards = [](const std::string& name, float left, TextSource source) {
    return Line{{{name, {left, 500, 20, 100}, 1, {}, source},
                 {"text", {left, 380, 20, 100}, 1, {}, source}},
                {left, 380, 20, 220},
                1,
                0};
  };
  Line lower = upwards("second", 130, TextSource::kTextLayer);
  for (Word& word : lower.words) word.box.top += 300;
  lower.box.top += 300;
  const Page page = merged(told({upwards("first", 100, TextSource::kTextLayer), lower}),
                           {1000, 1000, {upwards("third", 160, TextSource::kRecognized)}});
  std::string lines;
  for (const Line& each : page.lines) lines += each.text() + "/";
  EXPECT_EQ(lines, "first text/second text/third text/");
}

TEST(MergeTest, DropsReadWordsEqualToThoseOfTheLayer) {
  const Page page =
      without_told(told({line("total: 5.00", 100, 10, TextSource::kTextLayer)}),
                   {1000, 1000, {line("total: 5,00", 102, 12, TextSource::kRecognized, 0.9f)}});
  EXPECT_EQ(page.text(), "5,00\n");
}

TEST(MergeTest, KeepsTextUnderAWatermark) {
  Line mark = line("COPY", 100, 100, TextSource::kTextLayer);
  mark.words[0].box = mark.box = {100, 100, 800, 800};
  const Page page =
      merged(told({mark}),
             {1000, 1000, {line("a scanned page", 300, 400, TextSource::kRecognized, 0.9f)}});
  EXPECT_NE(page.text().find("a scanned page"), std::string::npos) << page.text();
  EXPECT_NE(page.text().find("COPY"), std::string::npos) << page.text();
}

TEST(MergeTest, UnsureWordsAreLeftOut) {
  const Page page = merged(told({line("caption", 100, 10, TextSource::kTextLayer)}),
                           {1000, 1000, {line("v%a", 100, 400, TextSource::kRecognized, 0.4f)}});
  EXPECT_EQ(page.text(), "caption\n");
  EXPECT_EQ(page.source, TextSource::kTextLayer);
}

TEST(MergeTest, ALayerWhoseBoxesAreFarOffIsNotDoubled) {
  const Page page =
      merged(told({line("one two three", 100, 10, TextSource::kTextLayer)}),
             {1000, 1000, {line("one two three", 300, 600, TextSource::kRecognized, 0.9f)}});
  EXPECT_EQ(page.text(), "one two three\n");
}

TEST(MergeTest, LayerAgreesIfMostSureWordsMatch) {
  const Page page = told({line("one two three four", 100, 10, TextSource::kTextLayer)});
  const auto read = [](const std::string& text) -> Page {
    return {1000, 1000, {line(text, 100, 12, TextSource::kRecognized, 0.9f)}};
  };
  EXPECT_TRUE(agree(page, read("one two three fuur")));
  EXPECT_FALSE(agree(page, read("onn tvo thrce fuur")));
  EXPECT_FALSE(agree(page, {1000, 1000, {}}));
}

TEST(MergeTest, DoubtedTextHasNoConfidence) {
  const Page page = doubted(told({line("word", 0, 0, TextSource::kTextLayer)}));
  EXPECT_EQ(page.lines[0].confidence, 0);
  EXPECT_EQ(page.lines[0].words[0].confidence, 0);
}

TEST(MergeTest, ReplacesMeaninglessWordsByReadOnes) {
  const Page page = doubted_where_unclear(
      told({line("\uFFFD price \uFFFDf sug\uFFFDr", 100, 10, TextSource::kTextLayer)}));
  EXPECT_EQ(page.lines[0].words[1].confidence, 1);
  EXPECT_EQ(page.lines[0].words[3].confidence, 0);
  EXPECT_LT(page.lines[0].confidence, 0.7f);
  const Line read{{{"of", page.lines[0].words[2].box, 0.9f, "en"},
                   {"suger", page.lines[0].words[3].box, 0.4f, "en"}},
                  page.lines[0].box,
                  0.6f,
                  0};
  const Page both = merged(page, {1000, 1000, {read}});
  EXPECT_EQ(both.text(), "\uFFFD price of sug\uFFFDr\n") << "not what is a guess";
  EXPECT_EQ(both.source, TextSource::kBoth);
  EXPECT_EQ(both.lines[0].words[2].source, TextSource::kRecognized);
  EXPECT_EQ(both.lines[0].words[3].confidence, 0);
  EXPECT_GT(both.lines[0].confidence, page.lines[0].confidence);
}

}  // namespace
}  // namespace oko::document
