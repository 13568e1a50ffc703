#pragma once

#include <memory>
#include <string>

#include "cli/standard_input.h"
#include "document/page_picture.h"
#include "document/pages.h"
#include "ocr/page.h"

namespace oko::cli {

/// Prints pages to stdout in one format, each as it comes.
class PagePrinter {
 public:
  virtual ~PagePrinter() = default;

  /// Page `i` of the pages that were asked for. `picture`: where the format needs it.
  virtual void print_page(std::size_t i, const ocr::Page& page,
                          const document::PagePicture& picture) = 0;

  /// Page `i` could not be read: pages after it keep their numbers.
  virtual void skip_page(std::size_t) {}

  /// What stands behind the last page.
  virtual void finish() {}
};

/// `format`: text, json, hocr, pdf. `pages` and `input`, among whose files they are, must outlive
/// the printer.
std::unique_ptr<PagePrinter> make_page_printer(const std::string& format, document::Pages& pages,
                                               const StandardInput& input);

}  // namespace oko::cli
