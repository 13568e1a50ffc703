#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "document/page.h"
#include "document/pages.h"
#include "document/sheet.h"
#include "ocr/engine.h"
#include "tasks/page_budget.h"

namespace oko::tasks {

struct ReadPagesOptions {
  ocr::Options ocr = {};                    ///< languages, and how pictures are read
  std::size_t threads = 0;                  ///< pages that are read at once; 0: one a core
  std::uint64_t budget_bytes = UINT64_MAX;  ///< of the process
  bool ignores_text = false;                ///< reads the pictures of PDF pages that have text, too
  bool makes_sheets = false;                ///< fills ReadPage::sheet, for SearchablePdf
};

/// A page that was read, or the reason why it could not be.
struct ReadPage {
  std::size_t index = 0;  ///< among `PageReader::pages`
  document::Page page;
  document::Sheet sheet;       ///< where they are made
  std::optional<Error> error;  ///< of this page alone; `page` and `sheet` are then empty
};

/// Takes the pages in order, on the thread that called `read`. What it throws ends the reading.
using PageSink = std::function<void(const ReadPage&)>;

/// Reads the text of pictures and PDF files: several pages at once, as many as the budget has room
/// for. A page that is too large for the budget is shrunk while it is decoded, down to 1 megapixel.
class PageReader {
 public:
  /// Counts the pages. A file that cannot be opened is one page, whose error the sink gets.
  PageReader(std::vector<std::string> files, const ReadPagesOptions& options);

  document::Pages& pages() { return pages_; }

  /// Every page is tried; to be called once. Throws kCancelled, what ocr::make_engine throws, and
  /// errors that are not of one page.
  void read(const PageSink& sink, const StopToken& stop);

  /// The least budget with which each page fits that did not; 0: there was none.
  std::uint64_t least_budget() const { return budget_.least_budget(); }

 private:
  ReadPagesOptions options_;
  std::size_t threads_;
  document::Pages pages_;
  PageBudget budget_;
};

}  // namespace oko::tasks
