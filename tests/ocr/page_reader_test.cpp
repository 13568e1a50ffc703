#include "ocr/page_reader.h"
#include "base/stop_token.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "budget/memory_budget.h"

namespace oko::ocr {
namespace {

const std::string kReceipt = std::string(OKO_TEST_DATA) + "/receipt_0.png";

image::Image blank() {
  return {40, 30, std::vector<std::uint8_t>(40 * 30 * 3, 255)};
}

TEST(PageReaderTest, ResultsComeInOrderWithTheErrorsInTheirPlace) {
  std::vector<std::string> results;
  read_pages(
      5, {}, 2,
      [](std::size_t i) {
        if (i == 1) throw Error(ErrorCode::kBadInput, "page 1 is damaged");
        return i == 0 ? image::load(kReceipt) : blank();  // the first takes longest
      },
      [&](std::size_t i, ReadResult result) {
        EXPECT_EQ(i, results.size());
        results.push_back(result.error ? result.error->what()
                                       : std::to_string(result.page.lines.size() > 10));
      },
      {});
  EXPECT_EQ(results, (std::vector<std::string>{"1", "page 1 is damaged", "0", "0", "0"}));
}

TEST(PageReaderTest, HoldsFewPicturesAtATime) {
  std::atomic<std::size_t> loaded = 0;
  read_pages(
      40, {}, 2,
      [&](std::size_t) {
        ++loaded;
        return blank();
      },
      [&](std::size_t i, const ReadResult&) { EXPECT_LE(loaded.load(), i + 1 + 4) << i; }, {});
  EXPECT_EQ(loaded.load(), 40u);
}

TEST(PageReaderTest, PagesWaitForTheirMemoryAndReleaseItOnceRead) {
  budget::MemoryBudget budget(150);  // of 100 a page: one at a time
  std::size_t done = 0;
  read_pages(
      10, {}, 2,
      [](std::size_t i) {
        if (i == 3) throw Error(ErrorCode::kBadInput, "page 3 is damaged");
        return blank();
      },
      [&](std::size_t, const ReadResult& result) { done += result.error ? 0 : 1; }, {},
      [&](std::size_t i) {
        return budget.reserve({.size = [i] {
          budget::TagBytes bytes;
          bytes[budget::Tag::kOcr] = i == 7 ? 200 : 100;
          return bytes;
        }});
      });
  EXPECT_EQ(done, 8u);  // neither the damaged one nor the one that is too large
  EXPECT_EQ(budget.peak_bytes(), 100u);
  EXPECT_EQ(budget.held().total(), 0u);
  EXPECT_EQ(budget.counts().refused, 1u);
}

TEST(PageReaderTest, PagesWithTextNeedNoEngine) {
  Options none;
  none.languages = {"tlh"};  // no engine has it
  std::vector<int> widths;
  const auto read = [&](std::size_t pictures) {
    read_pages(
        6, none, 2,
        [&](std::size_t i) -> document::LoadedPage {
          if (i >= 6 - pictures) return blank();
          return document::Page{static_cast<int>(i), 1, {}};
        },
        [&](std::size_t, const ReadResult& result) { widths.push_back(result.page.width); }, {});
  };
  read(0);
  EXPECT_EQ(widths, (std::vector<int>{0, 1, 2, 3, 4, 5}));
  widths.clear();
  EXPECT_THROW(read(2), Error);
  EXPECT_EQ(widths, (std::vector<int>{0, 1, 2, 3}));
}

TEST(PageReaderTest, StoppingEndsIt) {
  StopSource stop;
  std::size_t done = 0;
  const auto read_all = [&] {
    read_pages(
        1000, {}, 2, [](std::size_t) { return blank(); },
        [&](std::size_t, const ReadResult&) {
          if (++done == 3) stop.request_stop();
        },
        stop.get_token());
  };
  EXPECT_THROW(read_all(), Error);
  EXPECT_LT(done, 20u);
}

TEST(PageReaderTest, AnExceptionOfTheCallerEndsIt) {
  const auto read_all = [] {
    read_pages(
        100, {}, 2, [](std::size_t) { return blank(); },
        [](std::size_t i, const ReadResult&) {
          if (i == 2) throw std::runtime_error("disk full");
        },
        {});
  };
  EXPECT_THROW(read_all(), std::runtime_error);
}

TEST(PageReaderTest, NoPagesAreNoWork) {
  read_pages(
      0, {}, 2, [](std::size_t) -> image::Image { throw std::logic_error("loaded"); },
      [](std::size_t, const ReadResult&) { FAIL(); }, {});
}

}  // namespace
}  // namespace oko::ocr
