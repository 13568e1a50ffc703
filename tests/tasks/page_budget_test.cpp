#include "tasks/page_budget.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "budget/memory_size.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

const document::PagesOptions kOptions{.reading_bytes = ocr::reading_bytes};

class PageBudgetTest : public ScratchFolderTest {
 protected:
  /// A picture of which only the header is read.
  std::string picture(int side) const {
    const std::string path = folder_ / (std::to_string(side) + ".bmp");
    write_file_atomically(path, std::string_view(white_bitmap(side, side)));
    return path;
  }

  /// The budget for a single page.
  static std::uint64_t alone(document::Pages& pages, std::size_t i) {
    return PageBudget::kAlone + pages.memory_of(i).total();
  }
};

TEST_F(PageBudgetTest, ReadsFewerPagesAtOnceIfTheLargestWouldNotFit) {
  document::Pages pages({picture(500), picture(8000), folder_ / "none.bmp"}, kOptions);
  // Room for two pages of A4, but not for two engines and the large page.
  const std::uint64_t budget = 590'000'000;
  ASSERT_LE(alone(pages, 1), budget);
  ASSERT_GT(alone(pages, 1) + ocr::kEngineBytes, budget);
  PageBudget page_budget(budget, pages);
  EXPECT_EQ(page_budget.share(9, {}), 1u);
  EXPECT_NO_THROW(page_budget.reserve(1, {}));
  EXPECT_EQ(page_budget.least_budget(), 0u);
}

TEST_F(PageBudgetTest, APageThatNeverFitsTakesNothingFromTheOthers) {
  document::Pages pages({picture(500), picture(8000), picture(4000)}, kOptions);
  const std::uint64_t budget = 590'000'000, large = alone(pages, 1);
  PageBudget enough(large, pages), less(large - 1, pages);
  EXPECT_NO_THROW(enough.reserve(1, {}));
  EXPECT_THROW(less.reserve(1, {}), Error);
  EXPECT_EQ(less.least_budget(), large);
  document::Pages others({picture(500), picture(4000)});
  EXPECT_EQ(PageBudget(budget, others).share(9, {}), 2u);
}

TEST_F(PageBudgetTest, RefusalNamesSufficientBudget) {
  document::Pages pages({picture(500)}, kOptions);
  const std::string least = budget::memory_size_text(alone(pages, 0));
  for (const std::uint64_t budget : {std::uint64_t{1}, PageBudget::kAlone, alone(pages, 0) - 1}) {
    PageBudget page_budget(budget, pages);
    EXPECT_EQ(page_budget.share(2, {}), 1u);
    try {
      page_budget.reserve(0, {});
      FAIL() << budget;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
      EXPECT_NE(error.hint().in(Language::kEnglish, KnobStyle::kFlag).find("--budget " + least),
                std::string::npos)
          << error.hint();
    }
  }
  PageBudget page_budget(budget::parse_memory_size(least), pages);
  EXPECT_EQ(page_budget.share(2, {}), 1u);
  EXPECT_NO_THROW(page_budget.reserve(0, {}));
}

}  // namespace
}  // namespace oko::tasks
