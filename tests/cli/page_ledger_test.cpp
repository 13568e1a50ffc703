#include "cli/page_ledger.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "budget/memory_size.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/white_bitmap.h"

namespace oko::cli {
namespace {

class PageLedgerTest : public ScratchFolderTest {
 protected:
  /// Only its header is read here.
  std::string picture(int side) const {
    const std::string path = folder_ / (std::to_string(side) + ".bmp");
    write_file_atomically(path, std::string_view(white_bitmap(side, side)));
    return path;
  }

  /// The budget that a page takes alone.
  static std::uint64_t alone(document::Pages& pages, std::size_t i) {
    return PageLedger::kAlone + pages.memory_of(i).total();
  }
};

TEST_F(PageLedgerTest, FewerAreReadAtOnceWhereTheLargestWouldNotFit) {
  document::Pages pages({picture(500), picture(8000), folder_ / "none.bmp"});
  // Room for two pages of A4, but not for two engines and the large page.
  const std::uint64_t budget = 590'000'000;
  ASSERT_LE(alone(pages, 1), budget);
  ASSERT_GT(alone(pages, 1) + ocr::kEngineBytes, budget);
  PageLedger ledger(budget, pages);
  EXPECT_EQ(ledger.share(9, {}), 1u);
  EXPECT_NO_THROW(ledger.take(1, {}));
  EXPECT_EQ(ledger.least_budget(), 0u);
}

TEST_F(PageLedgerTest, APageThatNeverFitsTakesNothingFromTheOthers) {
  document::Pages pages({picture(500), picture(8000), picture(4000)});
  const std::uint64_t budget = 590'000'000, large = alone(pages, 1);
  PageLedger enough(large, pages), less(large - 1, pages);
  EXPECT_NO_THROW(enough.take(1, {}));
  EXPECT_THROW(less.take(1, {}), Error);
  EXPECT_EQ(less.least_budget(), large);
  document::Pages others({picture(500), picture(4000)});
  EXPECT_EQ(PageLedger(budget, others).share(9, {}), 2u);
}

TEST_F(PageLedgerTest, ARefusalNamesTheBudgetThatDoes) {
  document::Pages pages({picture(500)});
  const std::string least = budget::memory_size_text(alone(pages, 0));
  for (const std::uint64_t budget : {std::uint64_t{1}, PageLedger::kAlone, alone(pages, 0) - 1}) {
    PageLedger ledger(budget, pages);
    EXPECT_EQ(ledger.share(2, {}), 1u);
    try {
      ledger.take(0, {});
      FAIL() << budget;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOverBudget);
      EXPECT_NE(error.hint().find("--budget " + least), std::string::npos) << error.hint();
    }
  }
  PageLedger ledger(budget::parse_memory_size(least), pages);
  EXPECT_EQ(ledger.share(2, {}), 1u);
  EXPECT_NO_THROW(ledger.take(0, {}));
}

}  // namespace
}  // namespace oko::cli
