#include "tasks/read_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "engine/model_host.h"
#include "tasks/shared_reader.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/text_pages.h"
#include "tests/support/white_bitmap.h"

namespace oko::tasks {
namespace {

class ReadPagesTest : public ScratchFolderTest {
 protected:
  /// A PDF whose pages have text, so that no engine is made.
  std::string book(int pages) const {
    const std::string path = folder_ / (std::to_string(pages) + ".pdf");
    write_text_pages(path, pages);
    return path;
  }

  std::string picture(int side) const {
    const std::string path = folder_ / (std::to_string(side) + ".bmp");
    write_file_atomically(path, std::string_view(white_bitmap(side, side)));
    return path;
  }

  static std::vector<ReadPage> read(PageReader& reader) {
    std::vector<ReadPage> pages;
    reader.read([&](const ReadPage& page) { pages.push_back(page); }, {});
    return pages;
  }

  static std::vector<ReadPage> read(std::vector<std::string> files,
                                    const ReadPagesOptions& options = {}) {
    PageReader reader(std::move(files), options);
    return read(reader);
  }

  static ErrorCode code_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kFailed;
  }
};

TEST_F(ReadPagesTest, GivesThePagesOfAllFilesInOrderToTheCaller) {
  PageReader reader({book(9), book(4)}, {.threads = 4});
  const std::thread::id caller = std::this_thread::get_id();
  std::size_t next = 0;
  const auto sink = [&](const ReadPage& read) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(read.index, next);
    const int page = reader.pages().page_in_file(next++);
    ASSERT_FALSE(read.error) << read.error->what();
    EXPECT_EQ(read.page.lines.at(3).text(), line_of_text(page, 3));
    EXPECT_EQ(read.sheet.width, 0) << "nobody asked for it";
  };
  reader.read(sink, {});
  EXPECT_EQ(next, 13u);
}

TEST_F(ReadPagesTest, MakesSheetsForASearchablePdf) {
  for (const ReadPage& read : read({book(3)}, {.makes_sheets = true})) {
    EXPECT_NEAR(read.sheet.width, 595, 1);
    EXPECT_NEAR(read.sheet.height, 842, 1);
  }
}

TEST_F(ReadPagesTest, GivesTheErrorOfAPageInItsPlace) {
  const std::vector<ReadPage> pages = read({book(1), folder_ / "none.pdf", book(2)});
  ASSERT_EQ(pages.size(), 4u);
  ASSERT_TRUE(pages[1].error);
  EXPECT_EQ(pages[1].error->code(), ErrorCode::kNotFound);
  EXPECT_NE(std::string(pages[1].error->what()).find("none.pdf"), std::string::npos);
  EXPECT_TRUE(pages[1].page.lines.empty());
  for (const std::size_t i : {0, 2, 3}) EXPECT_EQ(pages[i].page.lines.size(), 20u) << i;
}

TEST_F(ReadPagesTest, NamesTheBudgetForPagesThatDoNotFit) {
  ReadPagesOptions options{.budget_bytes = PageBudget::kAlone};
  PageReader reader({picture(100), picture(200)}, options);
  const std::vector<ReadPage> pages = read(reader);
  ASSERT_EQ(pages.size(), 2u);
  for (const ReadPage& page : pages) {
    ASSERT_TRUE(page.error);
    EXPECT_EQ(page.error->code(), ErrorCode::kOverBudget);
  }
  options.budget_bytes = reader.least_budget();
  PageReader enough({picture(100), picture(200)}, options);
  for (const ReadPage& page : read(enough)) EXPECT_FALSE(page.error) << page.error->what();
  EXPECT_EQ(enough.least_budget(), 0u);
}

TEST_F(ReadPagesTest, ErrorsOfNoSinglePageEndTheReading) {
  ReadPagesOptions unknown;
  unknown.ocr.languages = {"tlh"};
  EXPECT_EQ(code_of([&] { read({picture(100), book(1)}, unknown); }), ErrorCode::kUsage);
}

TEST_F(ReadPagesTest, StopAndSinkEndTheReading) {
  PageReader stopped({book(40)}, {.threads = 2});
  StopSource stop;
  std::size_t seen = 0;
  const auto sink = [&](const ReadPage&) {
    ++seen;
    stop.request_stop();
  };
  EXPECT_EQ(code_of([&] { stopped.read(sink, stop.get_token()); }), ErrorCode::kCancelled);
  EXPECT_LT(seen, 10u);
  PageReader refused({book(40)}, {.threads = 2});
  const auto refuse = [](const ReadPage&) { throw Error(ErrorCode::kFailed, "full"); };
  EXPECT_EQ(code_of([&] { refused.read(refuse, {}); }), ErrorCode::kFailed);
}

/// Gives white pictures, the first once two are asked for at the same time.
class MeetingDecoder : public document::PageDecoder {
 public:
  int page_count(const InputFile&, const document::PdfOptions&) override { return 4; }
  image::Header read_header(const InputFile&, const image::Limits&, int) override {
    image::Header header;
    header.width = header.height = kSide;
    header.pages = 4;
    return header;
  }
  image::Image load(const InputFile&, const image::Limits&, int) override {
    const MutexLock lock(mutex_);
    most_ = std::max(most_, ++inside_);
    changed_.notify_all();
    changed_.wait_for(mutex_, StopToken(), std::chrono::seconds(20),
                      [this]() OKO_REQUIRES(mutex_) { return most_ > 1; });
    --inside_;
    image::Image image;
    image.width = image.height = image.stored_width = image.stored_height = kSide;
    image.rgb.assign(3 * kSide * kSide, 0xFF);
    return image;
  }
  document::PageSize page_size(const InputFile&, const document::PdfOptions&, int) override {
    return {};
  }
  document::PdfPage read_page(const InputFile&, const document::PdfOptions&, int,
                              const document::PdfPageOptions&) override {
    return {};
  }
  document::TextDocument read_text_document(const InputFile&, document::TextKind) override {
    return {};
  }
  std::uint64_t bytes_elsewhere(std::uint64_t) const override { return 0; }

  int most() const {
    const MutexLock lock(mutex_);
    return most_;
  }

 private:
  static constexpr int kSide = 64;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  int inside_ OKO_GUARDED_BY(mutex_) = 0;
  int most_ OKO_GUARDED_BY(mutex_) = 0;
};

TEST_F(ReadPagesTest, ReadsSeveralPagesAtOnceBesideOthers) {
  engine::ModelHost host(engine::HostOptions{.threads = 1});
  SharedReader shared(host);
  SharedPictureReader request(shared, ReadText::kAlways);
  request.load({});  // has its turn meanwhile
  const auto decoder = std::make_shared<MeetingDecoder>();
  const std::vector<ReadPage> pages =
      read({picture(64)}, {.reader = &shared,
                           .engines = std::make_shared<ocr::EnginePool>(ocr::Options(), 2),
                           .decoder = decoder});
  ASSERT_EQ(pages.size(), 4u);
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_EQ(pages[i].index, i);
    EXPECT_FALSE(pages[i].error) << pages[i].error->what();
  }
  EXPECT_EQ(decoder->most(), 2);
  EXPECT_EQ(host.memory_budget().transient_bytes(), 0u);
}

}  // namespace
}  // namespace oko::tasks
