// 10,000 pages, read and made searchable.
#include <gtest/gtest.h>

#include "budget/peak_sampler.h"
#include "budget/process_memory.h"
#include "document/pages.h"
#include "ocr/page_reader.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/text_pages.h"

namespace oko::document {
namespace {

constexpr int kPages = 10'000;

class ManyPagesTest : public ScratchFolderTest {};

TEST_F(ManyPagesTest, TenThousandPagesAddUnder120Megabytes) {
  write_text_pages(folder_ / "book.pdf", kPages);
  const std::uint64_t before = budget::private_bytes();
  budget::PeakSampler sampler;
  Pages pages({folder_ / "book.pdf"});
  ASSERT_EQ(pages.size(), std::size_t{kPages});
  std::size_t seen = 0;
  ocr::read_pages(
      pages.size(), {}, 2, [&](std::size_t i) { return pages.load(i, nullptr); },
      [&](std::size_t i, const ocr::ReadResult& result) {
        EXPECT_EQ(result.page.lines.at(19).text(), line_of_text(static_cast<int>(i), 19));
        ++seen;
      },
      {});
  EXPECT_EQ(seen, std::size_t{kPages});
  const std::uint64_t added = sampler.peak_bytes() - before;
  RecordProperty("added_megabytes", static_cast<int>(added / 1'000'000));
  EXPECT_LT(added, 120'000'000u);
}

}  // namespace
}  // namespace oko::document
