// PDF that oko writes, read by PDFium.
#include "document/pdf_writer.h"

#include <cmath>
#include <fstream>

#include "document/pdf.h"
#include "image/image.h"
#include "image/jpeg.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {
namespace {

constexpr double kPoints = 0.48;  // of a pixel

/// A grey ramp: reading the PDF must return it.
image::Image ramp(int width, int height) {
  image::Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto level = static_cast<std::uint8_t>(255 * x / width);
      image.rgb.insert(image.rgb.end(),
                       {level, level, static_cast<std::uint8_t>(255 * y / height)});
    }
  }
  return image;
}

Line line_of(const std::vector<std::string>& words, float left, float top) {
  Line line{{}, {left, top, 0, 40}, 1, 0};
  for (const std::string& word : words) {
    line.words.push_back({word, {left, top, 200, 40}, 1, {}});
    left += 212;
  }
  line.box.width = left - 12 - line.box.left;
  return line;
}

class PdfWriterTest : public ScratchFolderTest {
 protected:
  /// A file of the pages, all with the picture `image`.
  std::filesystem::path write(const std::vector<Page>& pages, const image::Image& image,
                              const std::string& title = "title") {
    const Sheet sheet{*image::parse_jpeg(image::encode_jpeg(image, 85)), image.width * kPoints,
                      image.height * kPoints};
    const auto path = folder_ / "out.pdf";
    std::ofstream file(path, std::ios::binary);
    PdfWriter writer([&](std::string_view bytes) { file << bytes; }, title);
    for (const Page& page : pages) writer.add_page(sheet, page);
    writer.finish();
    return path;
  }

  /// Opens the file at the resolution of the pictures, so that boxes are in their pixels.
  static PdfOptions as_written() { return {.resolution = 72 / kPoints}; }
};

TEST_F(PdfWriterTest, TextComesBackWithItsPlaces) {
  Page page{1000, 600, {}};
  page.lines = {line_of({"Привет,", "мир", "№5"}, 50, 100),
                line_of({"Hello", "world—«ok»"}, 50, 150),
                line_of({"emoji", "😀𝔘😀", "end"}, 50, 400)};
  page.lines[2].block = 1;
  const auto read = Pdf(write({page}, ramp(1000, 600)), as_written()).text_layer(0);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(), page.text());
  for (std::size_t i = 0; i < page.lines.size(); ++i) {
    for (std::size_t k = 0; k < page.lines[i].words.size(); ++k) {
      const Box& was = page.lines[i].words[k].box;
      const Box& is = read->lines[i].words[k].box;
      EXPECT_NEAR(is.left, was.left, 3) << page.lines[i].words[k].text;
      EXPECT_NEAR(is.width, was.width, 3) << page.lines[i].words[k].text;
      EXPECT_NEAR(is.top, was.top, 5) << page.lines[i].words[k].text;
      EXPECT_NEAR(is.height, was.height, 8) << page.lines[i].words[k].text;
    }
  }
}

TEST_F(PdfWriterTest, ThePictureComesBackAndTheTextIsInvisible) {
  const image::Image image = ramp(640, 480);
  Page page{640, 480, {line_of({"invisible"}, 100, 100)}};
  const image::Image read = Pdf(write({page}, image), as_written()).render(0);
  ASSERT_EQ(read.width, image.width);
  ASSERT_EQ(read.height, image.height);
  double difference = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    difference += std::abs(int{image.rgb[i]} - int{read.rgb[i]});
  }
  EXPECT_LT(difference / static_cast<double>(image.rgb.size()), 2);
}

TEST_F(PdfWriterTest, PagesKeepTheirOrderAndTheirSize) {
  std::vector<Page> pages;
  for (const char* word : {"one", "два", "three"}) {
    pages.push_back({500, 300, {line_of({word}, 50, 50)}});
  }
  const Pdf pdf(write(pages, ramp(500, 300)), as_written());
  ASSERT_EQ(pdf.page_count(), 3);
  EXPECT_EQ(pdf.text_layer(1)->text(), "два\n");
  EXPECT_EQ(pdf.text_layer(2)->text(), "three\n");
  EXPECT_NEAR(pdf.page_size(0).width_points, 240, 0.01);
  EXPECT_NEAR(pdf.page_size(0).height_points, 144, 0.01);
}

TEST_F(PdfWriterTest, WordsOfASlopingLineShareABaseline) {
  Page page{1000, 1000, {}};
  for (float top = 200; top < 500;
       top += 50) {  // lines of different lengths that rise by 4 degrees
    Line line{{}, {100, top - 56, top == 300 ? 350.0f : 800.0f, 106}, 1, 0};
    for (float left = 100; left < line.box.left + line.box.width; left += 160) {
      line.words.push_back({"слово", {left, top - 0.07f * left, 150, 50}, 1, {}});
    }
    page.lines.push_back(line);
  }
  const auto text = Pdf(write({page}, ramp(1000, 1000)), as_written()).text_layer(0);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->text(), page.text());
  for (std::size_t i = 0; i < text->lines.size(); ++i) {
    const float middle = page.lines[i].words[0].box.top - 0.07f * 400 + 25;
    for (const Word& word : text->lines[i].words) {
      EXPECT_NEAR(word.box.top, text->lines[i].words[0].box.top, 0.1);
      EXPECT_NEAR(word.box.top + word.box.height / 2, middle, 6);
      EXPECT_NEAR(word.box.height, 40, 5);  // without the slope
    }
  }
}

TEST_F(PdfWriterTest, LinesThatRunUpOrBackwardsKeepTheirPlaces) {
  Page up{1000, 1000, {}}, back{1000, 1000, {}};
  up.lines.push_back(
      {{{"снизу", {800, 662, 40, 200}, 1, {}}, {"вверх", {800, 450, 40, 200}, 1, {}}},
       {800, 450, 40, 412},
       1,
       0});
  back.lines.push_back(
      {{{"задом", {500, 300, 200, 40}, 1, {}}, {"наперёд", {270, 300, 220, 40}, 1, {}}},
       {270, 300, 430, 40},
       1,
       0});
  back.lines.push_back({{{"один", {500, 255, 100, 40}, 1, {}}}, {500, 255, 100, 40}, 1, 0});
  const Pdf pdf(write({up, back}, ramp(1000, 1000)), as_written());
  const auto first = pdf.text_layer(0), second = pdf.text_layer(1);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->text(), "снизу вверх\n");
  EXPECT_NEAR(first->lines[0].words[0].box.top, 662, 5);
  EXPECT_NEAR(first->lines[0].words[0].box.height, 200, 5);
  EXPECT_EQ(second->text(), "задом наперёд\nодин\n");
  EXPECT_NEAR(second->lines[0].words[0].box.left, 500, 5);
  EXPECT_NEAR(second->lines[0].words[0].box.top, 300, 8);
}

TEST_F(PdfWriterTest, WritesUnusualTextAsFarAsPossible) {
  Page page{400, 300, {line_of({"a\x01(b)\\", "<c>", "\xFF"}, 20, 20)}};
  page.lines.push_back({{{"flat", {20, 100, 0, 0}, 1, {}}}, {20, 100, 0, 0}, 1, 1});
  page.lines.push_back({{}, {}, 1, 2});
  const auto read = Pdf(write({page}, ramp(400, 300))).text_layer(0);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->lines[0].words[0].text, "a(b)\\");
  EXPECT_EQ(read->lines[0].words[1].text, "<c>");
}

TEST_F(PdfWriterTest, PassesOnExceptionsOfTheSink) {
  int pieces = 0;
  const auto write_until_full = [&] {
    PdfWriter writer(
        [&](std::string_view) {
          if (++pieces == 20) throw Error(ErrorCode::kFailed, "full");
        },
        "title");
    for (;;) writer.add_page({{}, 1, 1}, {});
  };
  EXPECT_EQ(message_of(write_until_full, ErrorCode::kFailed), "full");
}

}  // namespace
}  // namespace oko::document
