// Each file that a task is given is opened once.
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "document/searchable_pdf.h"
#include "tasks/describe.h"
#include "tasks/read_pages.h"
#include "tests/support/open_counter.h"
#include "tests/support/random_models.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/text_pages.h"
#include "tests/support/tiff_file.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

class OpensTest : public ScratchFolderTest {
 protected:
  std::string picture() const {
    const std::string path = folder_ / "picture.bmp";
    write_file_atomically(path, std::string_view(white_bitmap(64, 64)));
    return path;
  }
};

TEST_F(OpensTest, ReadingPagesOpensEachFileOnce) {
  const std::string book = folder_ / "book.pdf", tiff = folder_ / "pages.tif", bitmap = picture();
  write_text_pages(book, 3);
  write_file_atomically(tiff,
                        std::as_bytes(std::span(TiffFile()
                                                    .add_grey(64, 64, std::string(64 * 64, '\xFF'))
                                                    .add_grey(64, 64, std::string(64 * 64, '\xFF'))
                                                    .bytes())));
  OpenCounter opens_of_book(book), opens_of_tiff(tiff), opens_of_bitmap(bitmap);
  PageReader reader({book, tiff, bitmap}, {.threads = 2, .makes_sheets = true});
  std::size_t bytes = 0;
  document::SearchablePdf pdf(
      reader.pages(), [&](std::string_view part) { bytes += part.size(); }, "title");
  reader.read(
      [&](const ReadPage& read) {
        ASSERT_FALSE(read.error) << read.error->what();
        pdf.add_page(read.index, read.sheet, read.page);
      },
      {});
  pdf.finish();
  EXPECT_GT(bytes, 0u);
  EXPECT_EQ(opens_of_book.opens(), 1);
  EXPECT_EQ(opens_of_tiff.opens(), 1);
  EXPECT_EQ(opens_of_bitmap.opens(), 1);
}

TEST_F(OpensTest, DescribingAndReadingTextOpensAPictureOnce) {
  const auto host = std::make_shared<engine::ModelHost>(engine::HostOptions{.threads = 1});
  engine::Generator generator(
      {.vision_language_model = RandomModels::get("qwen3-vl-small-4bit", 11), .host = host});
  DescribeOptions options;
  options.read_text = ReadText::kAlways;
  options.max_tokens = 2;
  const std::string path = picture();
  OpenCounter opens(path);
  document::Pages pages({path});
  Describer describer(*host, generator, options, pages, {});
  describer.next().answer.wait();
  EXPECT_EQ(opens.opens(), 1);
}

}  // namespace
}  // namespace oko::tasks
