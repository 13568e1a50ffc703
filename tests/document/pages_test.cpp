#include "document/pages.h"

#include <atomic>
#include <cstdio>
#include <iterator>

#include "base/file.h"
#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "ocr/page_reader.h"
#include "tests/support/kept_memory.h"
#include "tests/support/pdf_pages.h"
#include "tests/support/sanitizers.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/text_pages.h"
#include "tests/support/tiff_file.h"
#include "tests/support/white_bitmap.h"

namespace oko::document {
namespace {

const std::string kData = std::string(OKO_TEST_DATA) + "/";
const std::string kPictures = std::string(OKO_SOURCE_DIR) + "/tests/ocr/data/";

bool holds_picture(const LoadedPage& page) {
  return std::holds_alternative<image::Image>(page.content);
}

std::uint64_t reading_bytes(int width, int height) {
  return 7 * static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height);
}

class PagesTest : public ScratchFolderTest {};

TEST_F(PagesTest, PagesOfAllFilesStandInOrder) {
  Pages pages({kPictures + "receipt_0.png", kData + "mixed.pdf", folder_ / "none.pdf",
               kPictures + "two_pages.tif"});
  ASSERT_EQ(pages.size(), 7u);
  EXPECT_EQ(pages.file(3), kData + "mixed.pdf");
  EXPECT_EQ(pages.page_in_file(3), 2);
  EXPECT_EQ(pages.pages_of_file(3), 3);
  EXPECT_TRUE(holds_picture(pages.load(0, nullptr)));
  EXPECT_EQ(std::get<Page>(pages.load(1, nullptr).content).text(), "Первая\n");
  EXPECT_TRUE(holds_picture(pages.load(2, nullptr)));
  EXPECT_EQ(std::get<Page>(pages.load(3, nullptr).content).text(), "Third\n");
  message_of([&] { pages.load(4, nullptr); }, ErrorCode::kNotFound);
  EXPECT_TRUE(holds_picture(pages.load(6, nullptr)));
  // An earlier file again, as threads may ask.
  EXPECT_EQ(std::get<Page>(pages.load(1, nullptr).content).text(), "Первая\n");
}

TEST_F(PagesTest, MemoryIsKnownBeforeAPageIsLoaded) {
  Pages pages({kData + "mixed.pdf", kPictures + "two_pages.tif", folder_ / "none.png"},
              {.reading_bytes = reading_bytes});
  for (std::size_t i = 0; i < 5; ++i) {
    const LoadedPage page = pages.load(i, nullptr);
    int width = 0, height = 0;
    if (holds_picture(page)) {
      width = std::get<image::Image>(page.content).width;
      height = std::get<image::Image>(page.content).height;
    } else {
      width = std::get<Page>(page.content).width;
      height = std::get<Page>(page.content).height;
    }
    EXPECT_EQ(pages.memory_of(i)[budget::Tag::kOcr], reading_bytes(width, height)) << i;
  }
  message_of([&] { pages.memory_of(5); }, ErrorCode::kNotFound);
}

TEST_F(PagesTest, SheetsAreThePagesOfAPdfAndPicturesWithTheirSizeOnPaper) {
  Pages pages({kData + "rotated.pdf", kPictures + "receipt_0.png"});
  Sheet sheet;
  EXPECT_FALSE(holds_picture(pages.load(0, &sheet)));
  EXPECT_EQ(sheet.picture.bytes, "");
  EXPECT_EQ(sheet.width, 140);
  EXPECT_EQ(sheet.height, 500);
  EXPECT_EQ(sheet.matrix, (std::array<double, 6>{0, 1, -1, 0, 550, 642}));  // of CropBox and Rotate
  pages.load(1, &sheet);
  EXPECT_EQ(sheet.picture.width, 293);
  EXPECT_NEAR(sheet.width, 293 * 72 / 96.0, 0.01);  // says nothing of its resolution
}

TEST_F(PagesTest, BoxesOfAFaxAreInThePixelsOfItsFile) {
  const auto rational = TiffFile::kRational;
  const TiffFile fax =
      TiffFile()
          .add_grey(4, 2, std::string(8, '\1'), {{254, TiffFile::kLong, {1}}})  // a thumbnail
          .add_grey(8, 4, std::string(32, '\2'),
                    {{282, rational, {204, 1}}, {283, rational, {102, 1}}});
  write_file_atomically(folder_ / "fax.tif", fax.bytes());
  Pages pages({folder_ / "fax.tif"});
  ASSERT_EQ(pages.size(), 1u);
  const LoadedPage loaded = pages.load(0, nullptr);
  EXPECT_EQ(std::get<image::Image>(loaded.content).height, 8);
  Page read{8, 8, {}};
  read.lines.push_back({{}, {1, 2, 4, 4}, 1, 0});
  ASSERT_TRUE(loaded.complete);
  const Page page = loaded.complete(read);
  EXPECT_EQ(page.height, 4);
  EXPECT_EQ(page.lines[0].box, (Box{1, 1, 4, 2}));
}

TEST_F(PagesTest, DrawsTooLargePageSmallerWithANote) {
  Pages pages({kData + "text.pdf", kData + "poster.pdf"}, {.pdf = {.max_pixels = 9'000'000}});
  EXPECT_EQ(pages.reduction(0).in(Language::kEnglish), "");
  EXPECT_EQ(pages.reduction(1).in(Language::kEnglish),
            kData + "poster.pdf: read at 15 dots per inch: 3000 × 3000 pixels");
}

/// The page from one word of confidence 0.9 over the left half of the picture.
Page completed(const LoadedPage& loaded, const std::string& word) {
  const auto& picture = std::get<image::Image>(loaded.content);
  const Box box{0, 0, static_cast<float>(picture.width) / 2, static_cast<float>(picture.height)};
  Page read{picture.width, picture.height, {{{{word, box, 0.9f, {}}}, box, 0.9f, 0}}};
  return loaded.complete ? loaded.complete(read) : read;
}

TEST_F(PagesTest, LettersWithoutAMeaningAreReadInThePicture) {
  const auto write = [&](const std::string& text) {
    write_pdf(folder_ / "page.pdf",
              "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]"
              "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
              "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
                  pdf_stream(4, "", "BT /F 10 Tf 20 150 Td " + text + " Tj ET") +
                  "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>endobj\n" +
                  pdf_stream(6, "",
                             "begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
                             "1 beginbfrange <20> <7C> <0020> endbfrange\n"
                             "1 beginbfchar <7D> <FFFD> endbfchar endcmap"));
    return Pages({folder_ / "page.pdf"}, {.pdf = {.resolution = 72}}).load(0, nullptr);
  };
  EXPECT_FALSE(holds_picture(write("(twelve and thirteen words)")));
  const LoadedPage some = write("(twelve and thir}een words)");
  ASSERT_TRUE(holds_picture(some));
  EXPECT_EQ(completed(some, "?").source, TextSource::kTextLayer) << "at another place";
  const LoadedPage most = write("(}}}}}}}}} }}} }}}}}}}})");
  ASSERT_TRUE(holds_picture(most));
  EXPECT_TRUE(completed(most, "thirteen letters").notes.empty());
  const Page little = completed(most, "7");
  ASSERT_EQ(little.notes.size(), 1u);
  EXPECT_EQ(little.notes[0].in(Language::kEnglish),
            "its text has 20 characters without a meaning; the picture shows 1");
}

TEST_F(PagesTest, CountsWordsBeyondTheEdgeAndKeepsThemIfTheEdgeIsWrong) {
  const auto load = [&](const std::string& boxes, const std::string& outside) {
    write_pdf(
        folder_ / "page.pdf",
        "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1" + boxes +
            "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
            pdf_stream(4, "", "BT /F 10 Tf 20 150 Td (seen) Tj 0 100 Td (" + outside + ") Tj ET") +
            "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
    Pages pages({folder_ / "page.pdf"});
    return std::get<Page>(pages.load(0, nullptr).content);
  };
  const Page few = load("/MediaBox[0 0 300 200]", "not seen");
  EXPECT_EQ(few.text(), "seen\n");
  ASSERT_EQ(few.notes.size(), 1u);
  EXPECT_EQ(few.notes[0].in(Language::kEnglish),
            "2 words lie outside of the page and are left out");
  const Page cropped = load("/MediaBox[0 0 300 400]/CropBox[0 0 300 200]", "not seen by you");
  EXPECT_EQ(cropped.text(), "seen\n");
  const Page most = load("/MediaBox[0 0 300 200]", "not seen by you");
  EXPECT_EQ(most.text(), "not seen by you\n\nseen\n");
  ASSERT_EQ(most.notes.size(), 1u);
  EXPECT_EQ(most.notes[0].in(Language::kEnglish),
            "4 words, most of the text, lie outside of the page");
}

TEST_F(PagesTest, CountsAndDropsTextOfHiddenLayers) {
  const auto load = [&](const std::string& properties) {
    write_file_atomically(
        folder_ / "page.pdf",
        "%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R/OCProperties<</OCGs[6 0 R 7 0 R]/D<<" +
            properties +
            ">>>>>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 300 200]/Resources"
            "<</Font<</F 5 0 R>>/Properties<</A 6 0 R/B 7 0 R>>>>>>endobj\n"
            "3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n" +
            pdf_stream(4, "",
                       "/OC /A BDC BT /F 10 Tf 20 150 Td (final) Tj ET EMC "
                       "/OC /B BDC BT /F 10 Tf 20 120 Td (first draft) Tj ET EMC") +
            "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
            "6 0 obj<</Type/OCG/Name(Text)>>endobj\n7 0 obj<</Type/OCG/Name<FEFF0427>>>endobj\n"
            "trailer<</Root 1 0 R>>\n%%EOF\n");
    return std::get<Page>(Pages({folder_ / "page.pdf"}).load(0, nullptr).content);
  };
  EXPECT_EQ(load("").text(), "final\n\nfirst draft\n");
  for (const char* properties : {"/OFF[7 0 R]", "/BaseState/OFF/ON[6 0 R]"}) {
    const Page page = load(properties);
    EXPECT_EQ(page.text(), "final\n") << properties;
    ASSERT_EQ(page.notes.size(), 1u) << properties;
    EXPECT_EQ(page.notes[0].in(Language::kEnglish),
              "2 words are in hidden layers and are left out");
  }
}

TEST_F(PagesTest, LoadsFilesAsTheyWereWhenCounted) {
  std::filesystem::copy(kData + "mixed.pdf", folder_ / "a.pdf");
  std::filesystem::copy(kPictures + "two_pages.tif", folder_ / "b.tif");
  Pages pages({folder_ / "a.pdf", folder_ / "b.tif"});
  std::filesystem::remove(folder_ / "a.pdf");
  write_file_atomically(folder_ / "b.tif", std::string_view("another file"));
  ASSERT_EQ(pages.size(), 5u);
  EXPECT_EQ(std::get<Page>(pages.load(0, nullptr).content).text(), "Первая\n");
  Sheet sheet;
  EXPECT_TRUE(holds_picture(pages.load(4, &sheet)));
}

TEST_F(PagesTest, RefusesFilesThatWereReplacedWhileTooManyWereOpen) {
  std::vector<std::string> files;
  for (std::size_t i = 0; i < Pages::kMostOpen + 2; ++i) {
    files.push_back(folder_ / (std::to_string(i) + ".bmp"));
    write_file_atomically(files.back(), std::string_view(white_bitmap(8, 8)));
  }
  Pages pages(files);
  for (const std::size_t i : {0, 1, 2}) {
    write_file_atomically(files[i], std::string_view(white_bitmap(9, 9)));
  }
  const auto refusal = [&](std::size_t i, Language language) {
    return message_of([&] { pages.load(i, nullptr); }, ErrorCode::kBadInput, language);
  };
  for (const std::size_t i : {0, 1}) {
    EXPECT_EQ(refusal(i, Language::kEnglish),
              files[i] + ": was replaced or changed in the meantime");
    EXPECT_EQ(refusal(i, Language::kRussian), files[i] + ": тем временем файл заменён или изменён");
  }
  EXPECT_EQ(std::get<image::Image>(pages.load(2, nullptr).content).width, 8);
  EXPECT_TRUE(holds_picture(pages.load(files.size() - 1, nullptr)));
}

TEST_F(PagesTest, HoldsFewFilesOpenWhereFewMayBe) {
  std::vector<std::string> files;
  for (int i = 0; i < 50; ++i) {
    files.push_back(folder_ / (std::to_string(i) + ".bmp"));
    write_file_atomically(files.back(), std::string_view(white_bitmap(8, 8)));
  }
  const std::filesystem::directory_iterator open("/dev/fd");
  const OpenFileLimit few(static_cast<rlim_t>(std::distance(begin(open), end(open))) + 40);
  Pages pages(files);
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_TRUE(holds_picture(pages.load(i, nullptr)));
}

TEST_F(PagesTest, TwoThousandPagesOfTextStreamInLittleMemoryAndWithoutAnEngine) {
  constexpr int kPages = repetitions(2000, 100);
  write_text_pages(folder_ / "book.pdf", kPages);
  Pages pages({folder_ / "book.pdf"});
  ASSERT_EQ(pages.size(), std::size_t{kPages});
  const std::uint64_t before = budget::private_bytes();
  budget::PeakSampler sampler;
  std::atomic<int> loaded = 0;
  ocr::Options none;  // no engine can be made of it
  none.languages = {"tlh"};
  ocr::read_pages(
      pages.size(), none, 2,
      [&](std::size_t i) {
        ++loaded;
        return pages.load(i, nullptr);
      },
      [&](std::size_t i, const ocr::ReadResult& result) {
        ASSERT_FALSE(result.error) << result.error->what();
        EXPECT_EQ(result.page.lines.at(7).text(), line_of_text(static_cast<int>(i), 7));
        EXPECT_LE(loaded.load(), static_cast<int>(i) + 1 + 4);
      },
      {});
  EXPECT_EQ(loaded, kPages);
  const std::uint64_t added = sampler.peak_bytes() - before;
  std::printf("%d pages: %.1f MB\n", kPages, static_cast<double>(added) / 1e6);
  EXPECT_LT(added, 60'000'000u + kKeptFreedBytes);
}

}  // namespace
}  // namespace oko::document
