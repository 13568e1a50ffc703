#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/inputs.h"
#include "cli/output.h"
#include "document/page.h"
#include "document/pages.h"
#include "document/sheet.h"

namespace oko::cli {

/// Prints pages in one format, each when it is read.
class PagePrinter {
 public:
  virtual ~PagePrinter() = default;

  /// Prints page `i` of the requested pages. `sheet`: if the format needs it.
  virtual void print_page(std::size_t i, const document::Page& page,
                          const document::Sheet& sheet) = 0;

  /// Skips page `i`, which could not be read: pages after it keep their numbers.
  virtual void skip_page(std::size_t, const Error&) {}

  /// Writes the end of the document. Returns notes for the user.
  virtual std::vector<LocalizedText> finish() { return {}; }
};

struct PagePrinterOptions {
  std::string format = "text";  ///< text, json, hocr, pdf
  float min_confidence = 0.5f;  ///< 0..1: marks words of less confidence
  bool of_one_file = false;     ///< prints the pages of one file only
  std::size_t first = 0;        ///< the page that is printed first
};

/// `pages`, `input`, which has their files, and `output` must outlive the printer.
std::unique_ptr<PagePrinter> make_page_printer(const PagePrinterOptions& options,
                                               document::Pages& pages, const Inputs& input,
                                               Output& output);

}  // namespace oko::cli
