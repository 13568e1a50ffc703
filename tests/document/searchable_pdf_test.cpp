#include "document/searchable_pdf.h"

#include <fstream>

#include "image/jpeg.h"
#include "tests/support/pdf_pages.h"
#include "tests/support/scratch_folder.h"

namespace oko::document {
namespace {

const std::string kPages = std::string(OKO_TEST_DATA) + "/";

class SearchablePdfTest : public ScratchFolderTest {
 protected:
  /// Makes a PDF of `files` with `word` in each picture to read; returns its notes.
  std::vector<LocalizedText> make(const std::vector<std::string>& files, const std::string& word,
                                  bool forced = false) {
    Pages pages(files, {.ignores_text = forced});
    std::ofstream file(out(), std::ios::binary);
    SearchablePdf pdf(
        pages, [&](std::string_view bytes) { file << bytes; }, "title");
    for (std::size_t i = 0; i < pages.size(); ++i) {
      Sheet sheet;
      try {
        const LoadedPage loaded = pages.load(i, &sheet);
        Page page;
        if (const auto* picture = std::get_if<image::Image>(&loaded.content)) {
          page = {picture->width, picture->height, {}};
          const Box box{2, 2, static_cast<float>(picture->width) - 4, 12};
          page.lines.push_back({{{word, box, 1, {}}}, box, 1, 0});
          if (loaded.complete) page = loaded.complete(page);
        } else {
          page = std::get<Page>(loaded.content);
        }
        pdf.add_page(i, sheet, page);
      } catch (const Error&) {
        pdf.skip_page(i);
      }
    }
    return pdf.finish();
  }

  std::filesystem::path out() const { return folder_ / "out.pdf"; }

  std::string bytes(const std::filesystem::path& path) const {
    return read_file(path, 10'000'000, ErrorCode::kFailed);
  }

  /// A blue picture whose left half is red, as JPEG with `orientation` of EXIF.
  std::string write_jpeg(char orientation) const {
    image::Image image{64, 32, {}};
    for (int i = 0; i < 64 * 32; ++i) {
      const bool left = i % 64 < 32;
      image.rgb.insert(image.rgb.end(),
                       {std::uint8_t(left ? 255 : 0), 0, std::uint8_t(left ? 0 : 255)});
    }
    std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24);
    exif += {orientation, 0, 0, 0, 0, 0, 0, 0};
    std::string jpeg = image::encode_jpeg(image, 90);
    jpeg.insert(2, std::string("\xFF\xE1\0", 3) + static_cast<char>(exif.size() + 2) + exif);
    const auto path = folder_ / ("picture" + std::to_string(orientation) + ".jpg");
    write_file_atomically(path, jpeg);
    return path;
  }
};

TEST_F(SearchablePdfTest, APdfWhosePagesHaveTextIsCopiedByteForByte) {
  EXPECT_TRUE(make({kPages + "text.pdf"}, "word").empty());
  EXPECT_TRUE(bytes(out()) == bytes(kPages + "text.pdf"));
}

TEST_F(SearchablePdfTest, PagesWithoutTextGetItAndAllStayInOrder) {
  const std::string picture = write_jpeg(1);
  make({picture, kPages + "damaged_page.pdf", picture, kPages + "mixed.pdf"}, "слово");
  const Pdf pdf(out());
  ASSERT_EQ(pdf.page_count(), 8);
  std::string texts;
  for (int i = 0; i < 8; ++i) texts += pdf.text_layer(i).value_or(Page{}).text() + "/";
  EXPECT_EQ(texts, "слово\n/Page 1\n//Page 3\n/слово\n/Первая\n/слово\n/Third\n/");
}

TEST_F(SearchablePdfTest, JpegFilesGoIntoItAsTheyAreAndStandUpright) {
  for (char orientation = 1; orientation <= 8; ++orientation) {
    const std::string path = write_jpeg(orientation);
    make({path}, "word");
    EXPECT_NE(bytes(out()).find(bytes(path)), std::string::npos);
    const image::Image upright = image::load(path);
    const Pdf pdf(out(), {.resolution = 96});
    const image::Image shown = pdf.render(0);
    ASSERT_EQ(shown.width, upright.width);
    ASSERT_EQ(shown.height, upright.height);
    const auto corner = [](const image::Image& image, std::size_t x, std::size_t y) {
      return image.rgb[3 * (y * static_cast<std::size_t>(image.width) + x)] > 128;  // red
    };
    for (const std::size_t x : {4, 27}) {
      for (const std::size_t y : {4, 27}) {
        EXPECT_EQ(corner(shown, x, y), corner(upright, x, y)) << int{orientation};
      }
    }
    EXPECT_EQ(pdf.text_layer(0)->text(), "word\n");
  }
}

TEST_F(SearchablePdfTest, ReplacesTextOfAnEarlierReading) {
  make({kPages + "scan.pdf"}, "wrogn");
  std::filesystem::rename(out(), folder_ / "in.pdf");
  make({folder_ / "in.pdf"}, "wrong", /*forced=*/true);
  EXPECT_EQ(Pdf(out()).text_layer(0)->text(), "wrong\n");
  std::filesystem::rename(out(), folder_ / "in.pdf");
  make({folder_ / "in.pdf"}, "wrong", /*forced=*/true);
  EXPECT_EQ(Pdf(out()).text_layer(0)->text(), "wrong\n") << "the same words";
  make({kPages + "text.pdf"}, "word", /*forced=*/true);
  EXPECT_NE(Pdf(out()).text_layer(0)->text().find("quick brown fox"), std::string::npos);
}

TEST_F(SearchablePdfTest, WritesNothingIfNoPageCouldBeRead) {
  make({folder_ / "none.pdf", kPages + "locked.pdf"}, "word");
  EXPECT_EQ(bytes(out()), "");
}

TEST_F(SearchablePdfTest, ASignatureThatDoesNotHoldIsNamed) {
  const std::string path = folder_ / "signed.pdf";
  write_file_atomically(
      path,
      "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[]>>>>endobj\n"
      "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 100 100]>>endobj\n"
      "3 0 obj<</Type/Page/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  const std::vector<LocalizedText> notes = make({path}, "word");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].in(Language::kEnglish),
            path + ": its signatures are not valid for the new PDF");
}

}  // namespace
}  // namespace oko::document
