#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stop_token.h"
#include "document/page.h"
#include "document/page_decoder.h"
#include "document/pages.h"
#include "document/sheet.h"
#include "ocr/engine.h"
#include "ocr/page_reader.h"
#include "tasks/page_budget.h"

namespace oko::tasks {

class SharedReader;

struct ReadPagesOptions {
  ocr::Options ocr = {};                    ///< languages, and other options of recognition
  std::size_t threads = 0;                  ///< pages to read at once; 0: one a core
  std::uint64_t budget_bytes = UINT64_MAX;  ///< of the process
  std::uint64_t beside_bytes = 0;           ///< of them, for other work at the same time
  bool ignores_text = false;                ///< reads the pictures of PDF pages that have text, too
  document::PageSelection selection = {};   ///< of each file
  std::string password = {};                ///< of PDF
  bool takes_password = true;               ///< false: errors do not ask for one
  bool makes_sheets = false;                ///< true: fills ReadPage::sheet, for SearchablePdf
  /// Reads the pages one at a time, in turn with others and within its budget; makes no sheets.
  /// Null: engines of its own.
  SharedReader* reader = nullptr;
  /// With `reader`: reads in the background as many pages at once as it has engines, beside those
  /// of others. The caller has reserved the memory of the engines. Null: in turn with others.
  std::shared_ptr<ocr::EnginePool> engines = nullptr;
  /// Decodes all files; makes no sheets. Null: this process does.
  std::shared_ptr<document::PageDecoder> decoder = nullptr;
};

/// A page, or the reason why it could not be read.
struct ReadPage {
  std::size_t index = 0;  ///< among `PageReader::pages`
  document::Page page;
  document::Sheet sheet;       ///< with `makes_sheets`
  std::optional<Error> error;  ///< of this page only; `page` and `sheet` are then empty
};

/// Takes the pages in order, on the thread that called `read`. An exception ends the reading.
using PageSink = std::function<void(const ReadPage&)>;

/// `options` for pages whose text is read with `bytes` of memory each. Larger ones are shrunk, but
/// not below 1 megapixel, A4 at 100 dots per inch: smaller ones are not readable.
document::PagesOptions pages_to_read(document::PagesOptions options, std::uint64_t bytes);

/// Reads the text of pictures and PDF files, as many pages at once as the budget has room for.
/// Decoding shrinks a page that is too large for the budget, down to 1 megapixel.
class PageReader {
 public:
  /// Counts the pages. A file that cannot be opened counts as one page, and the sink gets its
  /// error.
  PageReader(std::vector<std::string> files, const ReadPagesOptions& options);

  document::Pages& pages() { return pages_; }

  /// Tries every page; call it once. Throws kCancelled, as ocr::make_engine, and errors that
  /// concern more than one page.
  void read(const PageSink& sink, const StopToken& stop);

  /// The least budget for all pages that did not fit; 0: all did.
  std::uint64_t least_budget() const { return budget_.least_budget(); }

 private:
  void read_shared(const PageSink& sink, const StopToken& stop);
  void read_beside_others(const PageSink& sink, const StopToken& stop);

  ReadPagesOptions options_;
  std::size_t threads_;
  document::Pages pages_;
  PageBudget budget_;
};

}  // namespace oko::tasks
